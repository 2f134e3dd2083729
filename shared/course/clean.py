"""`course clean`: removes everything that a run made, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from shared.course import bootstrap
from shared.infra.state import State

if TYPE_CHECKING:
    from pathlib import Path

MADE_BY_RUNS = (
    ".infra",
    ".labs",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    ".import_linter_cache",
    ".venv",  # the last: stopping the services needs it
)

MADE_ANYWHERE = ("__pycache__", "node_modules", ".schemathesis")


def clean(environment: bootstrap.Environment | None = None) -> int:
    """Stop the backing services, then remove what runs left; the sources stay as they are."""
    environment = environment or bootstrap.Environment()
    state = State(environment.root)
    served = state.folder.exists() or state.home.exists()
    if served and not _stop_services(environment):
        print("The backing services could not be stopped, so nothing was removed.", file=sys.stderr)
        return 1
    gone = [path for path in _made(environment.root) if _remove(path)]
    named = sorted({path.name for path in gone})
    print(f"Removed {', '.join(named)}." if named else "Nothing to remove.")
    return 0


def _stop_services(environment: bootstrap.Environment) -> bool:
    """Stop them from inside the environment, which knows how; any that is there will do."""
    if not environment.python.exists():
        bootstrap.ensure(environment)
    command = [str(environment.python), "-m", "shared.course.cli", "down", "--data"]
    return subprocess.run(command, cwd=environment.root, check=False).returncode == 0


def _made(root: Path) -> list[Path]:
    sources = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")]
    caches = [cache for source in [root, *sources] for cache in _caches(source, root)]
    return caches + [root / name for name in MADE_BY_RUNS]


def _caches(folder: Path, root: Path) -> list[Path]:
    find = folder.glob if folder == root else folder.rglob
    return [path for name in MADE_ANYWHERE for path in find(name)]


def _remove(path: Path) -> bool:
    if path.is_symlink():
        path.unlink()
        return True
    if not path.exists():
        return False
    shutil.rmtree(path)
    return True
