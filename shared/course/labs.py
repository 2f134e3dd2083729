"""`course lab`: lists a phase's experiments and runs one."""

from __future__ import annotations

import ast
import importlib
import os
import platform
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape

from shared import lessons
from shared.course.errors import CourseError
from shared.lab import Lab
from shared.phases import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from shared.phases import Phase


def show(phase: Phase) -> int:
    """List the experiments by name, with the line that says what each is about."""
    console = Console(highlight=False)
    if not phase.labs:
        console.print(f"{phase.package} has no experiments.")
    for name, script in phase.labs.items():
        console.print(f"[bold]{name}[/]\n  {escape(heading(script))}")
    console.print(f"\n[dim]Run one: make lab PHASE={phase.number} LAB=name[/]")
    return 0


def run(
    phase: Phase, name: str, *, save: bool = False, quick: bool = False, out: Path | None = None
) -> int:
    """Introduce an experiment, run it, and say where its results are."""
    script = _script(phase, name)
    if save and quick:
        raise CourseError("A quick run's figures are no results: save a full one.")
    console = Console(highlight=False)
    console.print(Markdown(f"# {heading(script)}\n\n{_introduction(script)}"))
    out = out or (
        phase.path / "labs" / "results" if save else ROOT / ".labs" / f"phase{phase.number}"
    )
    with Lab(phase, name, out, quick=quick) as lab:
        importlib.import_module(f"{phase.package}.labs.{name}").run(lab)
        written = lab.conclude(heading(script), _origin(phase, name))
    if save and phase.lesson:
        lessons.quote(phase.lesson, written[-1])
    console.print(f"\nWritten: {', '.join(str(_shown(path)) for path in written)}")
    return 0


def heading(script: Path) -> str:
    """Return the first line of an experiment's docstring, without running it."""
    return _docstring(script).partition("\n")[0]


def _introduction(script: Path) -> str:
    return _docstring(script).partition("\n")[2].strip()


def _docstring(script: Path) -> str:
    return ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))) or script.stem


def _script(phase: Phase, name: str) -> Path:
    if name in phase.labs:
        return phase.labs[name]
    known = ", ".join(phase.labs) or "none"
    raise CourseError(f"{phase.package} has no experiment {name!r}. There are: {known}.")


def _origin(phase: Phase, name: str) -> str:
    """Say how anyone can repeat the run."""
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    return f"One run of `make lab PHASE={phase.number} LAB={name}` on {machine}."


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
