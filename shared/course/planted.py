"""Planted bugs: a patch with the story around it, and copies of the checkout that have the bug."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string
from pathlib import Path
from typing import TYPE_CHECKING

from shared.course.errors import CourseError
from shared.course.git import GitError, git
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator


class BadPatch(CourseError):
    """A patch that cannot be read or doesn't apply; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Bug:
    """A mistake somebody could have made: what one sees, how one gets there, what catches it."""

    path: Path
    title: str
    symptom: str
    hints: tuple[str, ...]
    explanation: str
    caught_by: str
    served_by: str | None  # the module that shows it, where that is not the phase's own
    diff: str

    @property
    def name(self) -> str:
        """The patch's name, without its ending."""
        return self.path.stem


def read_bug(path: Path) -> Bug:
    """Read a patch: a header as mail has it, an empty line, and what `git diff` wrote."""
    message = message_from_string(path.read_text(encoding="utf-8"))
    fields = {name.lower(): _unfolded(str(text)) for name, text in message.items()}
    missing = {"title", "symptom", "hint", "explanation", "caught-by"} - set(fields)
    if missing:
        raise BadPatch(f"{path.name} has no {', '.join(sorted(missing))} in its header.")
    return Bug(
        path,
        fields["title"],
        fields["symptom"],
        tuple(_unfolded(str(hint)) for hint in message.get_all("hint", [])),
        fields["explanation"],
        fields["caught-by"],
        fields.get("served-by"),
        str(message.get_payload()),
    )


@contextmanager
def copy_of_checkout(root: Path = ROOT) -> Generator[Path]:
    """Copy every file that git tracks or would track, as it is on the disk now."""
    try:
        names = git(root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    except GitError as error:
        raise CourseError(
            f"A bug goes into a copy of what git tracks, so this must be a clone. {error}"
        ) from None
    with tempfile.TemporaryDirectory(prefix="course-bug-") as folder:
        for name in filter(None, names.split("\0")):
            source, target = root / name, Path(folder, name)
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        yield Path(folder)


@contextmanager
def copy_with(bug: Bug, root: Path = ROOT) -> Generator[Path]:
    """Copy the checkout and put the bug in; a patch that doesn't apply is refused by name."""
    with copy_of_checkout(root) as copy:
        apply(bug, copy)
        yield copy


def apply(bug: Bug, copy: Path) -> None:
    """Apply a bug's patch to a copy, exactly or not at all."""
    try:
        git(copy, "apply", "--whitespace=nowarn", "-", given=bug.diff)
    except GitError as error:
        raise BadPatch(f"{bug.path.name} doesn't apply any more: {error}") from None


def _unfolded(text: str) -> str:
    return " ".join(text.split())
