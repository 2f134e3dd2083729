"""`course do`: lists the commands that a phase has besides its service, or runs one.

It runs on the database and with the secrets that `course run` serves with. What it isn't told is
who the first admin is: the next one is somebody else, with a password of their own.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from shared import development
from shared.course.errors import CourseError
from shared.course.labs import heading
from shared.course.run import lasting_database
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.phases import Phase


def show(phase: Phase) -> int:
    """List the commands by name, with the line that says what each does."""
    console = Console(highlight=False)
    if not phase.commands:
        console.print(f"{phase.package} has no commands.")
    for name, module in phase.commands.items():
        console.print(f"[bold]{name}[/]\n  {escape(heading(module))}")
    console.print(f'\n[dim]Run one: make run PHASE={phase.number} DO="name and arguments"[/]')
    return 0


def do(phase: Phase, name: str, arguments: Sequence[str]) -> None:
    """Become `python -m` and the command, so that Ctrl-C and the exit code are its own."""
    if name not in phase.commands:
        known = ", ".join(phase.commands) or "none"
        raise CourseError(f"{phase.package} has no command {name!r}. There are: {known}.")
    environment = environment_of(phase)
    os.chdir(ROOT)
    sys.stdout.flush()
    command = [sys.executable, "-m", f"{phase.package}.{name}", *arguments]
    os.execve(command[0], command, environment)  # noqa: S606 - no shell wanted


def environment_of(phase: Phase) -> dict[str, str]:
    """Return what a command is configured by, its database made ready."""
    kept = development.kept(phase)
    known = {name: text for name, text in kept.items() if name not in development.FIRST_ADMIN}
    environment = {**known, **os.environ}
    if phase.schema is not None:
        environment["DATABASE_URL"] = lasting_database(phase, phase.schema)
    return environment
