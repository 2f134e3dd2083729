"""`course hunt`: serves a phase with one bug that the hunter doesn't know; hints when asked."""

from __future__ import annotations

import os
import random
import secrets
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from shared import databases, development, infra
from shared.course.errors import CourseError
from shared.course.planted import Bug, copy_with, read_bug
from shared.course.run import admin_of, refuse_taken
from shared.course.service import Service, StopRequests
from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOOPBACK = "127.0.0.1"
_STATE = ROOT / ".labs" / "hunts"
"""Where each phase's last seed is kept, so that a hint needs no number to be remembered."""


def hunt(
    phase: Phase,
    *,
    port: int,
    seed: int | None = None,
    hint: int | None = None,
    reveal: bool = False,
) -> int:
    """Serve a phase with a bug in it; or, about that same bug, show a hint or reveal it."""
    console = Console(highlight=False)
    asks = hint is not None or reveal
    seed = seed if seed is not None else _last_seed(phase) if asks else secrets.randbelow(10_000)
    bug = pick(phase, seed)
    if reveal:
        console.print(f"[bold]{escape(bug.title)}[/] ({bug.name})\n\n{escape(bug.explanation)}\n")
        console.print(f"Caught by {bug.caught_by}. The change:\n\n{escape(bug.diff)}")
    elif hint is not None:
        _show_hint(console, bug, hint)
    else:
        _remember(phase, seed)
        console.print(f"[bold]Hunt {seed}[/]: phase {phase.number} with one bug in it")
        return _serve(console, phase, bug, port)
    return 0


def pick(phase: Phase, seed: int) -> Bug:
    """Choose a bug; the same seed always chooses the same one."""
    if not phase.bugs:
        raise CourseError(f"{phase.package} has no planted bugs.")
    return read_bug(random.Random(seed).choice(phase.bugs))  # noqa: S311 - a game


def _show_hint(console: Console, bug: Bug, number: int) -> None:
    if not 1 <= number <= len(bug.hints):
        raise CourseError(f"This bug has hints 1 to {len(bug.hints)}.")
    console.print(f"Hint {number} of {len(bug.hints)}: {escape(bug.hints[number - 1])}")


def _serve(console: Console, phase: Phase, bug: Bug, port: int) -> int:
    refuse_taken(f"make hunt PHASE={phase.number}", _LOOPBACK, port)
    stop = StopRequests()
    with ExitStack() as stack:
        copy = stack.enter_context(copy_with(bug, phase.path.parent))
        environment = _environment(stack, phase, port, copy)
        service = Service(bug.served_by or phase.package, environment, copy)
        try:
            service.wait_until_ready(stop)
            console.print(_briefing(phase, bug, environment))
            service.wait(stop)
        finally:
            service.stop(stop)
    console.print(f"\n{_ways_on(phase, bug)}")
    return 0


def _environment(stack: ExitStack, phase: Phase, port: int, copy: Path) -> dict[str, str]:
    """Give the bug a database of its own, made from the copy's schema and gone afterwards.

    The first admin is made by the copy's command, too.
    """
    given = stack.enter_context(development.running(phase))
    environment = {**os.environ, **given, "HOST": _LOOPBACK, "PORT": str(port)}
    if phase.needs_postgres:
        flawed = find_phase(phase.number, copy)
        url = stack.enter_context(databases.throwaway(infra.postgres(), flawed))
        environment["DATABASE_URL"] = url
    development.make_admin(phase, environment, copy)
    return environment


def _briefing(phase: Phase, bug: Bug, environment: Mapping[str, str]) -> str:
    return (
        f"It listens on [green]http://{_LOOPBACK}:{environment['PORT']}[/]\n\n"
        f"{_introduction(environment) if phase.makes_admin else ''}"
        f"What its users say: {escape(bug.symptom)}\n\n"
        "Make it happen, explain it, and find the line. Ctrl-C ends the hunt.\n"
        f"{_ways_on(phase, bug)}"
    )


def _introduction(environment: Mapping[str, str]) -> str:
    email, password = map(escape, admin_of(environment))
    return f"Its admin is {email}, password {password}\n\n"


def _ways_on(phase: Phase, bug: Bug) -> str:
    command = f"make hunt PHASE={phase.number}"
    return f"Stuck?  {command} HINT=1    (there are {len(bug.hints)})\nDone?   {command} REVEAL=1"


def _remember(phase: Phase, seed: int) -> None:
    _STATE.mkdir(parents=True, exist_ok=True)
    (_STATE / phase.package).write_text(f"{seed}\n")


def _last_seed(phase: Phase) -> int:
    try:
        return int((_STATE / phase.package).read_text())
    except (OSError, ValueError):
        raise CourseError("No hunt has begun here yet. Begin one, or name its --seed.") from None
