"""Sources as they are counted: what is code in them, how long functions are, what is imported."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.phases import Phase

BESIDE_THE_SERVICE = {"tests", "labs", "bugs"}
NO_CODE = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
    *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
}
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b.*\b(FROM|INTO|SET|AS)\b", re.DOTALL
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One file of a service."""

    layer: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def code(self) -> set[int]:
        """The numbers of the lines that hold code: something besides comments and docstrings."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        held = (range(t.start[0], t.end[0] + 1) for t in tokens if t.type not in NO_CODE)
        return {line for lines in held for line in lines} - set(self.documented)

    @property
    def documented(self) -> Iterator[int]:
        """The lines of docstrings."""
        for node in ast.walk(self.tree):
            match getattr(node, "body", None):
                case [ast.Expr(value=ast.Constant(value=str())) as first, *_]:
                    yield from range(first.lineno, (first.end_lineno or 0) + 1)
                case _:
                    pass

    @property
    def functions(self) -> list[int]:
        """The length of each function, in lines of code."""
        found = (node for node in ast.walk(self.tree) if isinstance(node, Function))
        return [len(self.code & set(range(f.lineno, (f.end_lineno or 0) + 1))) for f in found]

    @property
    def statements(self) -> int:
        """How many SQL statements stand in it."""
        constants = (node for node in ast.walk(self.tree) if isinstance(node, ast.Constant))
        texts = (node.value for node in constants if node.lineno not in set(self.documented))
        return sum(bool(STATEMENT.match(text)) for text in texts if isinstance(text, str))

    @property
    def knows_http(self) -> bool:
        """Whether it imports the web framework."""
        return not {"fastapi", "starlette"}.isdisjoint(self.imported)

    @property
    def knows_sql(self) -> bool:
        """Whether it imports the database driver."""
        return not {"psycopg", "psycopg_pool"}.isdisjoint(self.imported)

    @cached_property
    def imported(self) -> set[str]:
        """The packages that it imports from elsewhere."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
        return found


def sources_of(phase: Phase) -> list[Source]:
    """Read a phase's service, without what stands beside it."""
    return [
        Source(layer_of(path.relative_to(phase.path)), path.read_text(encoding="utf-8"))
        for path in sorted(phase.path.rglob("*.py"))
        if BESIDE_THE_SERVICE.isdisjoint(path.relative_to(phase.path).parts)
    ]


def layer_of(path: Path) -> str:
    """Name the layer that a file is in: its folder."""
    folder = path.parent.as_posix()
    return "wiring and commands" if folder == "." else folder
