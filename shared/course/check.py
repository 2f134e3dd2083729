"""`course check`: everything that can be said about the sources without running a service."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from shared import lessons
from shared.course import lock
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WITHIN = 600.0
_COLUMNS = "120"  # as wide as the name of a fence and what stands beside it
# import-linter can't be run with -m, and its script stops working where the checkout is moved.
_LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@dataclass(frozen=True)
class Check:
    """One question to the sources; `complaints` returns what is wrong, or nothing."""

    name: str
    about: str
    complaints: Callable[[], str]


def check() -> int:
    """Ask every question, show each answer with its time; return 1 if any was bad."""
    console = Console(highlight=False)
    failed = [check.name for check in checks() if not _passes(check, console)]
    console.print(
        f"\n[red]Failed: {', '.join(failed)}[/]" if failed else "\n[green]All is well.[/]"
    )
    return 1 if failed else 0


def checks() -> list[Check]:
    """Return the questions, quick ones first."""
    scripts = [str(script.relative_to(ROOT)) for script in sorted(ROOT.glob("phase*/**/*.sql"))]
    return [
        Check(
            "lock", "requirements.lock in step with pyproject.toml", lambda: lock.problem() or ""
        ),
        Check("lessons", "commands, names and links", lambda: "\n".join(lessons.all_problems())),
        Check("format", "ruff format", _module("ruff", "format", "--check", ".")),
        Check("lint", "ruff", _module("ruff", "check", ".")),
        Check("fences", "import-linter", fences),
        Check("SQL", "sqlfluff", _module("sqlfluff", "lint", *scripts) if scripts else str),
        Check("types", "basedpyright, strict", _module("basedpyright")),
    ]


def _module(name: str, *arguments: str) -> Callable[[], str]:
    return _python("-m", name, *arguments)


def _python(*arguments: str) -> Callable[[], str]:
    """Prepare a tool of the environment; it complains when it ends with anything but 0."""
    return partial(complaints, [sys.executable, *arguments])


def fences(root: Path = ROOT) -> str:
    """Return which fences are broken, and by which imports, without those that hold."""
    said = complaints([sys.executable, "-c", _LINT_IMPORTS, "--no-logo"], root)
    return said.partition("Broken contracts\n----------------\n")[2] or said


def complaints(command: list[str], root: Path = ROOT) -> str:
    """Run a tool; return what it says if it ends with anything but 0."""
    try:
        ended = subprocess.run(
            command,
            cwd=root,
            env={**os.environ, "COLUMNS": _COLUMNS},
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took more than {_WITHIN:.0f} s"
    if ended.returncode == 0:
        return ""
    return (ended.stdout + ended.stderr).strip() or f"ended with {ended.returncode} and no word"


def _passes(check: Check, console: Console) -> bool:
    started = time.monotonic()
    with console.status(f"{check.name}: {check.about}"):
        complaints = check.complaints()
    took = f"{time.monotonic() - started:5.1f} s"
    word = "[red]fail[/]" if complaints else "[green]ok[/]  "
    console.print(f"  {word}  {check.name:<8} {took}  [dim]{check.about}[/]")
    if complaints:
        console.print(escape(complaints.strip()), soft_wrap=True)
    return not complaints
