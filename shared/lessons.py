"""Lessons as programs: every ```console command of a README is checked, and run where it can be.

In such a block a line `$ command` is run by bash from the root of the checkout (a trailing
backslash continues it), and the lines after it are what it must print on standard output. `…`
stands for anything within a line, and alone on a line for any lines. A command without output lines
must merely end with 0.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from shared.phases import ROOT, UnknownPhase, all_phases, find_phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.phases import Phase

_TIMEOUT = 30.0
_PROMPT = "$ "
_PYTHON = ".venv/bin/python"
_ANYTHING = "…"
_SERVES = re.compile(
    r"(?:\w+=\S* )*(?:\S*/)?python3? -m (phase\d+\w*(?:\.\w+)*)(?: --[\w-]+[= ]\S+)*"
)
_TABLE = re.compile(r"^(\*\*.+\*\*)\n\n(?:\|.*\n)+", re.MULTILINE)  # as a lab's report has them
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


class LessonError(AssertionError):
    """The lesson says something that isn't so; the message begins with file:line."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a lesson, where it stands, and what the lesson says it prints."""

    lesson: Path
    line: int
    text: str
    expected: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The position to click on."""
        inside = self.lesson.is_relative_to(ROOT)
        return f"{self.lesson.relative_to(ROOT) if inside else self.lesson}:{self.line}"

    @property
    def is_make(self) -> bool:
        """Whether it starts a part of the course, which has tests of its own."""
        return self.text.split()[0] == "make"

    @property
    def does(self) -> list[str]:
        """The command of a phase that `make run` is to run, with its arguments."""
        if not self.text.startswith("make run "):
            return []
        words = (word.partition("=") for word in shlex.split(self.text))
        given = {name: text for name, _, text in words}
        return shlex.split(given.get("DO", ""))

    @property
    def serves(self) -> str | None:
        """The module of a service that it starts in the foreground; it would never end."""
        match = _SERVES.fullmatch(self.text)
        return match[1] if match else None


def commands(lesson: Path) -> list[Command]:
    """Extract the commands of a lesson in the order of reading."""
    found: list[Command] = []
    for number, lines in _console_blocks(lesson.read_text(encoding="utf-8").splitlines()):
        found.extend(_commands_of_block(lesson, number, lines))
    return found


def first_curl(lesson: Path | None) -> str | None:
    """Return the first request that the lesson makes."""
    found = commands(lesson) if lesson else []
    return next((command.text for command in found if command.text.startswith("curl ")), None)


def follow(phase: Phase, url: str, environment: Mapping[str, str] | None = None) -> None:
    """Run the whole lesson in order against a fresh server of the phase.

    A `make run` belongs to the lesson's story if the server's `environment` is given: it is run
    there, and not on the database that lasts.
    """
    if phase.lesson is None:
        raise LessonError(f"{phase.package} has no README.md")
    for command in commands(phase.lesson):
        if command.does and environment is not None:
            do(command, phase, environment)
        elif command.is_make or command.serves:
            check(command)
        else:
            run(command, url, phase.port)


def run(command: Command, url: str, default_port: int) -> None:
    """Run one command, the real port in place of the lesson's, and compare what it prints."""
    port = url.rstrip("/").rpartition(":")[2]
    ended = _bash(command, re.sub(rf"\b{default_port}\b", port, command.text))
    _compare(command, ended, re.sub(rf"\b{port}\b", str(default_port), ended.stdout))


def do(command: Command, phase: Phase, environment: Mapping[str, str]) -> None:
    """Run a command of the phase in this environment, and compare what it prints."""
    check(command)
    name, *arguments = command.does
    words = [_PYTHON, "-m", f"{phase.package}.{name}", *arguments]
    ended = _bash(command, shlex.join(words), environment)
    _compare(command, ended, ended.stdout)


def matches(expected: tuple[str, ...], printed: str) -> bool:
    """Compare output with what the lesson says, `…` standing for anything."""
    pattern = "".join(_line_pattern(line) for line in expected)
    text = "".join(f"{line.rstrip()}\n" for line in printed.rstrip().splitlines())
    return re.fullmatch(pattern, text) is not None


def problems(lesson: Path) -> Iterator[str]:
    """Check what needs no server: syntax, make targets, modules, experiments, links, tables."""
    for command in commands(lesson):
        try:
            check(command)
        except LessonError as error:
            yield str(error)
    yield from _broken_links(lesson)
    yield from _stale_tables(lesson)


def check(command: Command) -> None:
    """Check a command without running it."""
    _expect_success(command, ["bash", "-n", "-c", command.text])
    if command.is_make:
        _expect_success(command, ["bash", "-c", command.text.replace("make", "make -n", 1)])
        _check_names(command)
    if command.serves and find_spec(command.serves) is None:
        raise LessonError(f"{command.place}: there is no module {command.serves}")


def all_problems() -> list[str]:
    """Check the README and every lesson."""
    lessons = [ROOT / "README.md", *(phase.lesson for phase in all_phases())]
    return [problem for lesson in lessons if lesson for problem in problems(lesson)]


def _console_blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each block's first line number and its lines without the indentation of the fence."""
    start, indent = None, 0
    for number, line in enumerate(lines, 1):
        if start is None and line.strip() == "```console":
            start, indent = number, len(line) - len(line.lstrip())
        elif start is not None and line.strip() == "```":
            yield start + 1, [inside[indent:] for inside in lines[start : number - 1]]
            start = None


def _commands_of_block(lesson: Path, number: int, lines: list[str]) -> Iterator[Command]:
    starts = [at for at, line in enumerate(lines) if line.startswith(_PROMPT)]
    if lines and (not starts or starts[0] != 0):
        raise LessonError(f"{lesson}:{number}: a console block begins with `$ command`")
    for at, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        last = next(i for i in range(at, end) if not lines[i].endswith("\\") or i == end - 1)
        text = "\n".join([lines[at].removeprefix(_PROMPT), *lines[at + 1 : last + 1]])
        expected = tuple(line.rstrip() for line in lines[last + 1 : end])
        yield Command(lesson, number + at, text, _without_blank_end(expected))


def _without_blank_end(lines: tuple[str, ...]) -> tuple[str, ...]:
    return _without_blank_end(lines[:-1]) if lines and not lines[-1] else lines


def _line_pattern(line: str) -> str:
    if line.strip() == _ANYTHING:
        return r"(?:.*\n)*?"
    return ".*?".join(re.escape(part) for part in line.rstrip().split(_ANYTHING)) + r"\n"


def _compare(command: Command, ended: subprocess.CompletedProcess[str], printed: str) -> None:
    if ended.returncode:
        raise LessonError(_report(command, f"ended with {ended.returncode}", printed, ended.stderr))
    if command.expected and not matches(command.expected, printed):
        raise LessonError(_report(command, "printed something else", printed, ended.stderr))


def _bash(
    command: Command, text: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command as a reader does, who is inside no environment unless they name it.

    A copy of the checkout has no `.venv` of its own; the one that we run in is meant.
    """
    bash = shutil.which("bash") or "bash"
    ours = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.get_exec_path() if part != ours)
    try:
        return subprocess.run(
            [bash, "-c", text.replace(_PYTHON, shlex.quote(sys.executable))],
            cwd=ROOT,
            env={**os.environ, "PATH": path, **(environment or {})},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LessonError(f"{command.place}: not done after {_TIMEOUT:.0f} s: {text}") from error


def _report(command: Command, what: str, printed: str, errors: str) -> str:
    said = "\n".join(command.expected) or "(nothing in particular)"
    complaint = f"\n--- on standard error\n{errors.rstrip()}" if errors.strip() else ""
    return (
        f"{command.place}: {what}\n$ {command.text}\n"
        f"--- the lesson says\n{said}\n--- it printed\n{printed.rstrip()}{complaint}"
    )


def _expect_success(command: Command, words: list[str]) -> None:
    try:
        ended = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LessonError(f"{command.place}: not done after {_TIMEOUT:.0f} s") from error
    if ended.returncode:
        raise LessonError(f"{command.place}: $ {command.text}\n{ended.stderr.rstrip()}")


def _check_names(command: Command) -> None:
    """See that phase, experiment and command exist that a make command names."""
    named = dict(re.findall(r"\b(PHASE|LAB|A|B)=([\w.-]+)", command.text))
    named |= {target: target for target in re.findall(r"\bphase\d+\w*", command.text)}
    try:
        found = {key: find_phase(which) for key, which in named.items() if key != "LAB"}
    except UnknownPhase as error:
        raise LessonError(f"{command.place}: {error}") from error
    if command.does and "PHASE" in found and command.does[0] not in found["PHASE"].commands:
        raise LessonError(f"{command.place}: there is no command {command.does[0]}")
    if "LAB" in named and "PHASE" in found and named["LAB"] not in found["PHASE"].labs:
        raise LessonError(f"{command.place}: there is no experiment {named['LAB']}")


def quote(lesson: Path, report: Path) -> None:
    """Put the tables of a lab's report in the place of those in the lesson with their titles."""
    lesson.write_text(
        _quoted(lesson.read_text(encoding="utf-8"), report.read_text(encoding="utf-8")),
        encoding="utf-8",
    )


def _quoted(text: str, report: str) -> str:
    tables = {table[1]: table[0] for table in _TABLE.finditer(report)}
    return _TABLE.sub(lambda table: tables.get(table[1], table[0]), text)


def _stale_tables(lesson: Path) -> Iterator[str]:
    """Find tables that no saved run of a lab has made: somebody wrote or changed them by hand."""
    reports = (lesson.parent / "labs" / "results").glob("*.md")
    made = {table[0] for report in reports for table in _TABLE.finditer(report.read_text("utf-8"))}
    text = lesson.read_text(encoding="utf-8")
    for table in _TABLE.finditer(text):
        if table[0] not in made:
            line = text[: table.start()].count("\n") + 1
            place = Command(lesson, line, "").place
            yield f"{place}: no saved run made the table {table[1]}; make lab … SAVE=1"


def _broken_links(lesson: Path) -> Iterator[str]:
    for number, line in enumerate(lesson.read_text(encoding="utf-8").splitlines(), 1):
        for target in _LINK.findall(line):
            if "://" not in target and not (lesson.parent / target).exists():
                yield f"{Command(lesson, number, '').place}: the link to {target} leads nowhere"
