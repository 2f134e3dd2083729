"""Git, asked for what only it knows; what it complains of is told to a person."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from shared.course.errors import CourseError

if TYPE_CHECKING:
    from pathlib import Path

_WITHIN = 60.0


class GitError(CourseError):
    """Git is missing, hangs or refuses; the message holds its own words."""


def git(
    folder: Path, *arguments: str, given: str | None = None, fine: tuple[int, ...] = (0,)
) -> str:
    """Run git in a folder, with text on its standard input; exit codes in `fine` are no failure.

    It looks for a repository in the folder itself and not in those above: a copy of ours is none.
    """
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    try:
        ended = subprocess.run(
            ["git", *arguments],  # noqa: S607 - the one that the person uses
            cwd=folder,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("There is no git here. Debian: apt-get install git") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git {arguments[0]} took more than {_WITHIN:.0f} s.") from None
    if ended.returncode not in fine:
        raise GitError(f"git {arguments[0]} ended with {ended.returncode}: {ended.stderr.strip()}")
    return ended.stdout
