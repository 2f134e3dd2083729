"""The lock file: made by uv from pyproject.toml, and known to be in step with it offline."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from shared.course.errors import CourseError
from shared.phases import ROOT

_TITLE = "# Every package of the course, pinned with the hashes of its files."
_MADE_BY = "Made by `make lock`; do not edit."
_COMPILE = ("-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-emit-index-url")
_OPTIONS = ("--universal", "--python-version", "3.11", "--generate-hashes")
_GROUPS = ("--group", "course", "--group", "check")


def lock(*, upgrade: bool = False, root: Path = ROOT) -> int:
    """Resolve again, keeping the pins that fit unless `upgrade`, and replace the lock at once."""
    target = root / "requirements.lock"
    with tempfile.TemporaryDirectory(dir=root, prefix=".lock-") as folder:
        draft = Path(folder) / target.name
        draft.write_text(target.read_text(encoding="utf-8") if target.exists() else "")
        _compile(root, draft, ["--upgrade"] if upgrade else [])
        draft.write_text(_header(root) + draft.read_text(encoding="utf-8"), encoding="utf-8")
        draft.replace(target)
    print(f"{target.name} is in step with pyproject.toml.")
    return 0


def problem(root: Path = ROOT) -> str | None:
    """Say that the lock was made from other requirements than pyproject.toml has now."""
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    recorded = re.search(r"^# requirements: (\w+)$", text, flags=re.MULTILINE)
    if recorded and recorded[1] == digest(root):
        return None
    return "requirements.lock was not made from the requirements in pyproject.toml: make lock"


def digest(root: Path = ROOT) -> str:
    """Return a digest of what pyproject.toml requires, whatever its layout and comments."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    required: list[Any] = [
        project["project"].get("requires-python"),
        sorted(project["project"].get("dependencies", [])),
        {group: sorted(names) for group, names in project.get("dependency-groups", {}).items()},
    ]
    return hashlib.sha256(json.dumps(required, sort_keys=True).encode()).hexdigest()


def _header(root: Path) -> str:
    return f"{_TITLE}\n# {_MADE_BY}\n# requirements: {digest(root)}\n"


def _compile(root: Path, draft: Path, extra: list[str]) -> None:
    command = [sys.executable, *_COMPILE, *_OPTIONS, *_GROUPS, *extra]
    command += ["--output-file", str(draft), "pyproject.toml"]
    ended = subprocess.run(command, cwd=root, check=False)
    if ended.returncode:
        raise CourseError(f"uv ended with {ended.returncode}; requirements.lock is as it was.")
