"""Which test proves what of OWASP's ASVS; `python -m` this module writes the answer to ASVS.md.

A test says so itself, with `@pytest.mark.asvs("6.2.1", "6.2.9")`, and a module whose tests all
prove the same with `pytestmark = pytest.mark.asvs("6.2.1")`. What stands there is read from the
sources: to collect the tests would take longer than to run some of them.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TESTS = Path(__file__).parent
PHASE = TESTS.parent
TABLE = PHASE / "ASVS.md"

MARKER = "pytest.mark.asvs"

INTRODUCTION = """\
# ASVS 5.0, levels 1 and 2

What the [Application Security Verification Standard](https://github.com/OWASP/ASVS) 5.0.0 asks of
authentication, sessions, authorization, tokens and OAuth, and the tests that prove it here. The
numbers are OWASP's, the words are ours: what a requirement demands is decided by the original.

Of {total} requirements {proven} are proven by a test, {not_applicable} are not applicable, and
{not_met} are not met. The last kind is the reason for having a table.

This file is made by `.venv/bin/python -m phase3_auth.tests.asvs`, of [asvs.toml](tests/asvs.toml)
and of the marks that the tests carry. A test fails if it is not what that would make.
"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What is demanded, and if no test proves it, why."""

    number: str
    level: int
    words: str
    not_applicable: str = ""
    not_met: str = ""
    remark: str = ""

    @property
    def section(self) -> str:
        """The number without its last part."""
        return self.number.rpartition(".")[0]

    @property
    def reason(self) -> str:
        """Why there is no test, if that is known."""
        return self.not_applicable or self.not_met


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """A test, or (without a name) all those of a module."""

    file: str
    test: str

    @property
    def link(self) -> str:
        """The test's name as a sentence, and where it stands."""
        sentence = self.test.removeprefix("test_").replace("_", " ")
        return f"[{sentence or 'all of ' + Path(self.file).name}]({self.file})"


Proofs = dict[str, list[Proof]]

# ---------------------------------------------------------------- reading


def requirements(text: str) -> tuple[dict[str, str], list[Requirement]]:
    """Read asvs.toml: the sections' titles, and the requirements."""
    tables = tomllib.loads(text)
    sections = tables.pop("sections")
    return sections, [Requirement(number, **table) for number, table in tables.items()]


def proofs(folder: Path = TESTS, relative_to: Path = PHASE) -> Proofs:
    """Find the marks of all tests, by the number that they bear."""
    found: Proofs = {}
    for file in sorted(folder.rglob("*.py")):
        place = file.relative_to(relative_to).as_posix()
        for test, numbers in marks(ast.parse(file.read_text("utf-8"))):
            for number in numbers:
                found.setdefault(number, []).append(Proof(place, test))
    return found


def marks(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Find the marks of a module; raises ValueError for one that would be overlooked."""
    looked_at: set[ast.expr] = set()
    for statement in module.body:
        test, expressions = what_may_be_marked(statement)
        for mark in filter(is_mark, expressions):
            looked_at.add(mark)
            yield test, [ast.literal_eval(argument) for argument in mark.args]
    everywhere = {node for node in ast.walk(module) if isinstance(node, ast.Call) and is_mark(node)}
    for overlooked in everywhere - looked_at:
        raise ValueError(f"line {overlooked.lineno}: {MARKER} belongs to a test or to pytestmark")


def what_may_be_marked(statement: ast.stmt) -> tuple[str, list[ast.Call]]:
    """Return a test's name and its decorators, or no name and what `pytestmark` is."""
    expressions: Sequence[ast.expr] = []
    name = ""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        name = statement.name
        expressions = statement.decorator_list if name.startswith("test_") else []
    elif isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark":
        value = statement.value
        expressions = value.elts if isinstance(value, ast.List) else [value]
    return name, [each for each in expressions if isinstance(each, ast.Call)]


def is_mark(call: ast.Call) -> bool:
    """Tell our marks from others."""
    return ast.unparse(call.func) == MARKER


# ---------------------------------------------------------------- judging


def problems(demanded: Sequence[Requirement], proven: Mapping[str, Sequence[Proof]]) -> list[str]:
    """Say what keeps the table from being honest."""
    known = {requirement.number for requirement in demanded}
    return [
        *(f"{number} is no requirement of ours" for number in sorted(proven.keys() - known)),
        *(
            f"{each.number} has neither a test nor a reason"
            for each in demanded
            if each.number not in proven and not each.reason
        ),
        *(
            f"{each.number} has a test, and a reason for having none"
            for each in demanded
            if each.number in proven and each.reason
        ),
        *(
            f"{each.number} is not met and not applicable at once"
            for each in demanded
            if each.not_met and each.not_applicable
        ),
    ]


# ---------------------------------------------------------------- writing


def table(
    sections: Mapping[str, str], demanded: Sequence[Requirement], proven: Mapping[str, list[Proof]]
) -> str:
    """Write the whole file."""
    counts = {
        "total": len(demanded),
        "proven": sum(each.number in proven for each in demanded),
        "not_applicable": sum(bool(each.not_applicable) for each in demanded),
        "not_met": sum(bool(each.not_met) for each in demanded),
    }
    lines = [INTRODUCTION.format_map(counts)]
    for section, title in sections.items():
        lines += [f"## {section} {title}\n", "| | level | in our words | proven by |"]
        lines += ["|---|---|---|---|"]
        lines += [row(each, proven) for each in demanded if each.section == section]
        lines += [""]
    return "\n".join(lines)


def row(each: Requirement, proven: Mapping[str, list[Proof]]) -> str:
    """Write the row of a requirement."""
    links = "<br>".join(proof.link for proof in sorted(proven.get(each.number, [])))
    kinds = {"**Not applicable.** ": each.not_applicable, "**Not met.** ": each.not_met}
    reason = "".join(f"{kind}{why}" for kind, why in kinds.items() if why)
    told = "<br>".join(filter(None, (links, reason, each.remark)))
    return f"| {each.number} | {each.level} | {each.words} | {told} |"


def made() -> str:
    """Make the file; raises ValueError if it would not be honest."""
    sections, demanded = requirements((TESTS / "asvs.toml").read_text("utf-8"))
    proven = proofs()
    if found := problems(demanded, proven):
        raise ValueError("\n".join(found))
    return table(sections, demanded, proven)


def main() -> None:
    """Write the file, or say what is wrong and end with 1."""
    try:
        TABLE.write_text(made(), "utf-8")
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
