"""`course bugs`: proves that every planted bug is caught by the check that its patch names.

A bug is killed when that check fails or times out on a copy with the bug in it. Not killed: a bug
that only another check catches (the patch names the wrong one), one that nothing catches, one that
keeps the service from starting, and a patch that doesn't apply. Exit code 0: all killed; 1: not.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from shared import databases, infra
from shared.course.checks import run_checks
from shared.course.errors import CourseError
from shared.course.planted import BadPatch, Bug, copy_of_checkout, copy_with, read_bug

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from shared.course.verdicts import Results
    from shared.phases import Phase

AT_ONCE = 2
ONE_CHECK = 180.0
WHOLE_SUITE = 900.0
_CAUGHT = {"fail", "timeout"}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a bug."""

    bug: str
    killed: bool
    caught_by: str
    words: str
    seconds: float


def kill_matrix(phase: Phase) -> int:
    """Hold every bug of the phase against the phase's tests and print what caught it."""
    console = Console(highlight=False)
    if not phase.bugs:
        raise CourseError(f"{phase.package}/bugs has no patches.")
    bugs = [read_bug(path) for path in phase.bugs]
    environment = _environment(phase)
    _without_bugs(phase, bugs, environment)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = pool.map(partial(fate, phase, environment), bugs)
        fates = list(track(runs, "Hunting bugs", len(bugs), console=console, transient=True))
    console.print(_matrix(phase, fates))
    survivors = sum(not fate.killed for fate in fates)
    console.print(f"{len(fates) - survivors} of {len(fates)} bugs killed.")
    return 1 if survivors else 0


def fate(phase: Phase, environment: Mapping[str, str], bug: Bug) -> Fate:
    """Try the named check on a copy with the bug; only if that is happy, everything."""
    began = time.monotonic()

    def ended(killed: bool, caught_by: str, words: str) -> Fate:  # noqa: FBT001 - a column
        return Fate(bug.name, killed, caught_by, words, time.monotonic() - began)

    try:
        with copy_with(bug, phase.path.parent) as copy:
            run = _runner(copy, phase, environment)
            named = run(ONE_CHECK, [f"--check={bug.caught_by}", "-x"])
            if catch := _catch(named):
                return ended(True, catch, "killed")  # noqa: FBT003 - a column
            if stumble := _stumble(named):
                return ended(False, "-", f"no verdict on {bug.caught_by}: {stumble}")  # noqa: FBT003
            catch = _catch(run(WHOLE_SUITE, ["-x"]))
    except BadPatch as error:
        return ended(False, "-", str(error))  # noqa: FBT003
    if catch:
        return ended(False, catch, f"caught, but not by {bug.caught_by}")  # noqa: FBT003
    return ended(False, "-", "survived")  # noqa: FBT003


def _without_bugs(phase: Phase, bugs: Iterable[Bug], environment: Mapping[str, str]) -> None:
    """Refuse to go on when a named check fails on the phase as it is: it would prove nothing."""
    named = sorted({bug.caught_by for bug in bugs})
    with copy_of_checkout(phase.path.parent) as copy:
        run = _runner(copy, phase, environment)
        results = run(WHOLE_SUITE, [f"--check={name}" for name in named])
    known = {planned.partition("[")[0] for planned in results.planned}
    if not results.trouble and (unknown := [name for name in named if name not in known]):
        raise CourseError(f"A patch names a check that there is not: {', '.join(unknown)}")
    if trouble := _stumble(results):
        raise CourseError(f"Without any bug the checks give no verdict: {trouble}")
    if not_passed := [one.id for one in results.verdicts if one.verdict != "pass"]:
        raise CourseError(f"These don't even pass without a bug: {', '.join(not_passed)}")


def _runner(
    copy: Path, phase: Phase, environment: Mapping[str, str]
) -> Callable[[float, list[str]], Results]:
    tests = f"{phase.package}/tests"

    def run(seconds: float, arguments: list[str]) -> Results:
        return run_checks([tests, *arguments], seconds=seconds, root=copy, env=environment)

    return run


def _catch(results: Results) -> str:
    """Name the first check that the server failed or kept waiting."""
    return next((one.id for one in results.verdicts if one.verdict in _CAUGHT), "")


def _stumble(results: Results) -> str:
    """Say why there is no verdict on the service, if there is none."""
    for verdict in results.verdicts:
        if verdict.verdict == "error":
            return verdict.message.strip().splitlines()[0]
    if results.trouble or not results.verdicts:
        return (results.trouble.strip().splitlines() or ["nothing was run"])[-1]
    return ""


def _environment(phase: Phase) -> dict[str, str]:
    """Let copies use this checkout's services: starting their own would take most of the time."""
    if not phase.needs_postgres:
        return {}
    admin = infra.postgres()
    databases.template(admin, phase)
    return {"INFRA": "external", "DATABASE_URL": admin}


def _matrix(phase: Phase, fates: list[Fate]) -> Table:
    table = Table(title=f"Phase {phase.number}: bugs and what catches them", title_justify="left")
    for heading in ("bug", "first caught by", "", "s"):
        table.add_column(heading, overflow="fold", justify="right" if heading == "s" else "left")
    for one in fates:
        style = "green" if one.killed else "bold red"
        table.add_row(one.bug, Text(one.caught_by), Text(one.words, style), f"{one.seconds:.1f}")
    return table
