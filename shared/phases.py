"""What the course knows about a phase, derived from its folder: no registry to keep in step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT = 8000
_FOLDER = re.compile(r"phase(\d+)_\w+")


class UnknownPhase(LookupError):
    """No phase goes by that name; the message lists those that exist."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the curriculum: a folder that is also the package of its service."""

    number: int
    package: str
    path: Path

    @property
    def title(self) -> str:
        """The lesson's heading without the number, or the package's name while there is none."""
        text = self.lesson.read_text(encoding="utf-8") if self.lesson else ""
        heading = re.search(r"^# (?:Phase \d+\W+)?(.+)$", text, flags=re.MULTILINE)
        return heading[1].strip() if heading else self.package

    @property
    def port(self) -> int:
        """Where the service listens unless told otherwise."""
        return FIRST_PORT + self.number

    @property
    def lesson(self) -> Path | None:
        """The README, which is the lesson."""
        return _existing(self.path / "README.md")

    @property
    def schema(self) -> Path | None:
        """The schema, for the phases that keep their data in PostgreSQL."""
        return _existing(self.path / "schema.sql")

    @property
    def needs_postgres(self) -> bool:
        """Whether the service wants a DATABASE_URL."""
        return self.schema is not None

    @property
    def development(self) -> Path | None:
        """What the service is configured with on a developer's machine, besides its database."""
        return _existing(self.path / "development.env")

    @property
    def makes_admin(self) -> bool:
        """Whether a command of the phase makes its first admin."""
        return _existing(self.path / "make_admin.py") is not None

    @property
    def commands(self) -> dict[str, Path]:
        """The modules besides the service that `python -m` runs, by name."""
        modules = sorted(self.path.glob("[!_]*.py"))
        return {module.stem: module for module in modules if _runs(module)}

    @property
    def bugs(self) -> tuple[Path, ...]:
        """The planted bugs' patches, in the order of their numbers."""
        return tuple(sorted((self.path / "bugs").glob("*.patch")))

    @property
    def labs(self) -> dict[str, Path]:
        """The experiments by name."""
        scripts = sorted((self.path / "labs").glob("*.py"))
        return {script.stem: script for script in scripts if not script.stem.startswith("_")}


def all_phases(root: Path = ROOT) -> tuple[Phase, ...]:
    """Every phase of the checkout, in order."""
    folders = (
        (init.parent, _FOLDER.fullmatch(init.parent.name)) for init in root.glob("*/__init__.py")
    )
    found = (Phase(int(match[1]), path.name, path) for path, match in folders if match)
    return tuple(sorted(found, key=lambda phase: phase.number))


def find_phase(which: str | int | Path, root: Path = ROOT) -> Phase:
    """Find a phase by its number, its name with or without the topic, or a path inside it."""
    phases = all_phases(root)
    for phase in phases:
        if _is_called(phase, which):
            return phase
    known = ", ".join(f"{phase.number} ({phase.package})" for phase in phases) or "none yet"
    raise UnknownPhase(f"There is no phase {str(which)!r}. The phases are: {known}.")


def _is_called(phase: Phase, which: str | int | Path) -> bool:
    name = str(which).rstrip("/")
    if name in {str(phase.number), f"phase{phase.number}", phase.package}:
        return True
    return "/" in name and Path(name).resolve().is_relative_to(phase.path)


def _runs(module: Path) -> bool:
    return '\nif __name__ == "__main__":' in module.read_text(encoding="utf-8")


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None
