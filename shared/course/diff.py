"""`course diff`: how one phase became the next: files, then behaviour, then line by line."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from shared.course.behaviour import report
from shared.course.behaviour.observe import Unobserved, observe
from shared.course.errors import CourseError
from shared.course.git import git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.phases import Phase

_GIT_DIFF = ("diff", "--no-index", "--no-ext-diff", "--no-textconv", "--find-renames")
_FINE = (0, 1)  # git's exit codes when there is no difference and when there is one
_NOWHERE = "/dev/null"
_MADE_BY_RUNS = ("__pycache__", "node_modules")
_BESIDE_THE_SERVICE = ("README.md", "ASVS.md", "labs", "tests", "bugs")
_ORDER = ("added", "moved", "changed", "removed")
_COUNTS = (("+", "green"), ("-", "red"))
_STYLES = {"added": "green", "moved": "cyan", "changed": "yellow", "removed": "red"}
_SIGNS = {"+": "green", "-": "red", "~": "yellow"}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one file; a file that was moved may have changed too."""

    kind: str
    path: str
    before: str
    plus: str
    minus: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that tells two phases apart."""

    changes: tuple[Change, ...]
    identical: int
    patch: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What tells them apart when they run, and what only moved; and what that comes to."""

    sections: tuple[report.Section, ...]
    conclusion: str


def diff(before: Phase, after: Phase, *, everything: bool = False) -> int:
    """Show files, behaviour and patch; through a pager where there is one to scroll in."""
    if before.path == after.path:
        raise CourseError(
            f"{before.package} doesn't differ from itself. Name two phases: make diff A=0 B=1"
        )
    comparison = compare(before.path, after.path, everything=everything)
    with Console(stderr=True).status("Running both phases ..."):
        behaviour = compare_behaviour(before, after)
    console = Console(highlight=False)
    if not console.is_terminal or not shutil.which("less"):
        _show(console, before, after, comparison, behaviour)
        return 0
    with console.capture() as capture:
        _show(console, before, after, comparison, behaviour)
    pager = ("less", "--RAW-CONTROL-CHARS", "--quit-if-one-screen", "--no-init")
    subprocess.run(pager, input=capture.get(), text=True, check=False)
    return 0


def compare(before: Path, after: Path, *, everything: bool = False) -> Comparison:
    """Compare two folders as they are now, committed or not."""
    names = (before.name, after.name)
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder)
        count = _copy(before, copies / before.name, everything=everything)
        _copy(after, copies / after.name, everything=everything)
        counts = git(copies, *_GIT_DIFF, "--numstat", "-z", *names, fine=_FINE)
        changes = sorted(_changes(counts, *names), key=_by_kind)
        lists = copies / "lists"
        lists.write_text("*.txt -diff\n")  # thousands of lines that nobody reads
        terse = ("-c", f"core.attributesFile={lists}", *_GIT_DIFF)
        patch = git(copies, *terse, "--no-prefix", "--color=always", *names, fine=_FINE)
    gone = sum(change.kind != "added" for change in changes)
    return Comparison(tuple(changes), count - gone, patch)


def compare_behaviour(before: Phase, after: Phase) -> Behaviour:
    """Run both phases, at the same time, and read the code of both."""
    with ThreadPoolExecutor(2) as pool:
        old, new = pool.map(_run, (before, after))
    contract = report.compare(old, new)
    found = (*report.sections(old, new, contract), *_code(before, after))
    return Behaviour(found, report.conclusion(contract))


def _run(phase: Phase) -> report.Ran:
    try:
        return report.Ran(phase.package, observe(phase))
    except Unobserved as error:
        return report.Ran(phase.package, None, str(error))


def _code(before: Phase, after: Phase) -> tuple[report.Section, ...]:
    try:
        return tuple(report.code(_sources(before.path), _sources(after.path)))
    except SyntaxError as error:
        told = f"Not compared: {error.msg} in {error.filename}, line {error.lineno}."
        return (report.Section("Functions, methods and classes", (report.Line(told),)),)


def _sources(folder: Path) -> dict[str, str]:
    """Read the service's own Python files."""
    names = [file.relative_to(folder) for file in sorted(folder.rglob("*.py"))]
    ours = [name for name in names if belongs(PurePosixPath(name), everything=False)]
    return {name.as_posix(): (folder / name).read_text("utf-8") for name in ours}


def belongs(path: PurePosixPath, *, everything: bool) -> bool:
    """Tell whether a file, named from its phase, is to be shown: the service, or everything."""
    if any(part in _MADE_BY_RUNS or part.startswith(".") for part in path.parts):
        return False
    return everything or path.parts[0] not in _BESIDE_THE_SERVICE


def _copy(source: Path, target: Path, *, everything: bool) -> int:
    """Copy the files that belong, for git to compare; return how many they are."""
    target.mkdir()
    count = 0
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        name = file.relative_to(source)
        if belongs(PurePosixPath(name), everything=everything):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target / name)
            count += 1
    return count


def _changes(numstat: str, before: str, after: str) -> Iterator[Change]:
    """Read `plus TAB minus TAB NUL old NUL new NUL`, or `plus TAB minus TAB path NUL`."""
    words = iter(numstat.split("\0")[:-1])
    for word in words:
        plus, minus, path = word.split("\t", 2)
        old, new = (path, path) if path else (next(words), next(words))
        yield _change(old.removeprefix(f"{before}/"), new.removeprefix(f"{after}/"), plus, minus)


def _change(old: str, new: str, plus: str, minus: str) -> Change:
    if old == _NOWHERE:
        return Change("added", new, "", plus, minus)
    if new == _NOWHERE:
        return Change("removed", old, "", plus, minus)
    return Change("changed" if old == new else "moved", new, old, plus, minus)


def _by_kind(change: Change) -> tuple[int, str]:
    return _ORDER.index(change.kind), change.path


def _show(
    console: Console,
    before: Phase,
    after: Phase,
    comparison: Comparison,
    behaviour: Behaviour,
) -> None:
    _show_files(console, before, after, comparison)
    _show_behaviour(console, behaviour)
    console.print(Text.from_ansi(comparison.patch), soft_wrap=True)


def _show_behaviour(console: Console, behaviour: Behaviour) -> None:
    for section in behaviour.sections:
        console.print(Text(section.title, style="bold"))
        for line in section.lines:
            style = _SIGNS.get(line.sign, "")
            console.print(Text(wrapped(line, console.width), style=style), soft_wrap=True)
        console.print()
    told = textwrap.fill(behaviour.conclusion, console.width)
    console.print(Text(f"{told}\n", style="bold"), soft_wrap=True)


def wrapped(line: report.Line, width: int) -> str:
    """Fill rows of this width; none ends within a name."""
    margin = "  " * (line.depth + 1)
    rows = textwrap.wrap(
        f"{line.sign} {line.text}".strip(),
        width,
        initial_indent=margin,
        subsequent_indent=f"{margin}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(rows).replace(report.UNBROKEN, " ")


def _show_files(console: Console, before: Phase, after: Phase, comparison: Comparison) -> None:
    counts = [Column(sign, style=style, justify="right") for sign, style in _COUNTS]
    table = Table("", "file", "from", *counts, box=None)
    table.title = f"{before.package} -> {after.package}"
    for change in comparison.changes:
        moved_from = change.before if change.kind == "moved" else ""
        kind = Text(change.kind, style=_STYLES[change.kind])
        table.add_row(kind, change.path, moved_from, change.plus, change.minus)
    console.print(table)
    console.print(f"\n{_summary(comparison)}\n")


def _summary(comparison: Comparison) -> str:
    kinds = Counter(change.kind for change in comparison.changes)
    parts = [f"{kinds[kind]} {kind}" for kind in _ORDER if kinds[kind]]
    return ", ".join([*parts, f"{comparison.identical} identical byte for byte"])
