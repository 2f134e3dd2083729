"""The peer: the same routes on another platform, installed when it is first needed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from .measure import BenchError

if TYPE_CHECKING:
    from pathlib import Path

_INSTALL_WITHIN = 300.0


def command(folder: Path) -> list[str]:
    """Return what starts the peer, its packages installed as its lock file says."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise BenchError("The peer needs Node.js. Debian: apt-get install nodejs npm")
    stamp = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        _install(npm, folder)
    return [node, str(folder / "server.js")]


def _install(npm: str, folder: Path) -> None:
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_INSTALL_WITHIN,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"npm could not install the peer:\n{done.stderr}")
