"""The virtual environment, built from the lock with nothing but the standard library.

Three rules keep it sound. The stamp is written last: a build that was killed is built again.
The lock file is locked while building: two starts don't build at once. And pip inherits that lock:
a pip that outlived its parent is waited for, never raced.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shared.course.errors import CourseError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Run = Callable[["Environment", list[str]], None]

ROOT = Path(__file__).resolve().parent.parent.parent
PIP = ("-m", "pip", "install", "--no-deps", "--require-hashes", "--only-binary", ":all:")
QUIETLY = ("--no-input", "--progress-bar", "off", "--disable-pip-version-check")
_TICK = 0.1
_TAIL = 15


class BootstrapError(CourseError):
    """The environment can't be built; the message says why and what to do."""


@dataclass(frozen=True)
class Environment:
    """The virtual environment of one checkout, and the lock that says what is in it."""

    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """Where it lives; git ignores it."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def lock(self) -> Path:
        """What is in it, with hashes."""
        return self.root / "requirements.lock"

    @property
    def stamp(self) -> Path:
        """What it was built from; only a finished build has it."""
        return self.folder / "built-from"

    @property
    def log(self) -> Path:
        """All that pip said while building it."""
        return self.folder / "pip.log"

    def wanted(self) -> str:
        """Return the stamp that a finished build of today would bear."""
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return f"{digest} python-{sysconfig.get_python_version()} {sysconfig.get_platform()}\n"

    def in_step(self) -> bool:
        """Tell whether it is finished and made from this lock by this Python."""
        if not (self.python.exists() and self.stamp.is_file()):
            return False
        return self.stamp.read_text(encoding="utf-8") == self.wanted()

    def entered(self) -> bool:
        """Tell whether this very process runs inside it."""
        return Path(sys.prefix).resolve() == self.folder.resolve()

    def said(self) -> str:
        """Return pip's words so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def installed(self) -> int:
        """Count the packages that are in it now."""
        return sum(1 for _ in self.folder.glob("lib/python*/site-packages/*.dist-info"))


def ensure(environment: Environment, run: Run | None = None) -> None:
    """Build the environment unless it is in step already; `run` is for tests that want no pip."""
    if environment.in_step():
        return
    with _alone(environment) as held:
        if not environment.in_step():  # the start that we waited for may have built it
            _build(environment, run or partial(_run_watched, held=held))


def enter(environment: Environment, arguments: list[str]) -> None:
    """Become the same command inside the environment; does not return."""
    python = str(environment.python)
    sys.stdout.flush()
    os.execv(python, [python, "-m", "shared.course", *arguments])  # noqa: S606 - no shell wanted


def missing_for_venv() -> str | None:
    """Say which part of Python a virtual environment lacks here, with the command that adds it."""
    parts = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if not parts:
        return None
    version = sysconfig.get_python_version()
    debian = f"sudo apt-get install python{version}-venv"
    advice = debian if shutil.which("apt-get") else "install the full Python from python.org"
    return f"This Python {version} has no {' and no '.join(parts)} module. To add it:\n  {advice}"


def base_python() -> str:
    """Return the interpreter outside any virtual environment: the inside one is about to go."""
    return getattr(sys, "_base_executable", None) or sys.executable


def packages(lock: str) -> list[str]:
    """Name the packages that a lock pins."""
    return re.findall(r"^([A-Za-z0-9][\w.-]*)==", lock, flags=re.MULTILINE)


def _build(environment: Environment, run: Run) -> None:
    if problem := missing_for_venv():
        raise BootstrapError(problem)
    stamp = environment.wanted()  # of the lock as it is now: it may change while pip works
    _remove(environment.folder)
    print("Building the virtual environment .venv (once, about half a minute)", flush=True)
    run(environment, [base_python(), "-m", "venv", str(environment.folder)])
    run(environment, [str(environment.python), *PIP, *QUIETLY, "-r", str(environment.lock)])
    environment.stamp.write_text(stamp, encoding="utf-8")


def _remove(folder: Path) -> None:
    """Take the old environment away, but never what a symbolic link points at: that isn't ours."""
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


@contextmanager
def _alone(environment: Environment) -> Generator[int]:
    """Hold the only permission to build; the kernel takes it back however we end."""
    with environment.lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another start is building the environment: waiting for it.", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _run_watched(environment: Environment, command: list[str], held: int) -> None:
    """Run one step, counting what it does; its own words are kept for when it fails."""
    environment.folder.mkdir(exist_ok=True)
    progress = Progress(environment)
    with environment.log.open("ab") as log:
        step = subprocess.Popen(command, stdout=log, stderr=log, pass_fds=[held])
        while step.poll() is None:
            progress.show()
            time.sleep(_TICK)
    progress.end()
    if step.returncode:
        raise BootstrapError(_failure(environment, step.returncode))


def _failure(environment: Environment, code: int) -> str:
    said = environment.said().splitlines()
    errors = [line for line in said if line.startswith("ERROR:")] or said[-_TAIL:]
    # Without a network pip's errors speak of versions; only its warnings name the connection.
    offline = [line for line in said if "connection broken" in line][-1:]
    words = "\n".join(f"  {line}" for line in offline + errors)
    return (
        f"The environment could not be built: its installer ended with {code} and said\n{words}\n"
        f"All of it is in {environment.log}. The next start tries again from the beginning."
    )


class Progress:
    """Counts packages: on a terminal in one line that moves, elsewhere in a line per quarter."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._total = len(packages(environment.lock.read_text(encoding="utf-8")))
        self._before = environment.installed()
        self._moves = sys.stdout.isatty()
        self._shown = ""

    def show(self) -> None:
        """Say how far the build is, if that is news."""
        line = self.line()
        if line and line != self._shown:
            self._shown = line
            print(f"\r\033[K  {line}" if self._moves else f"  {line}\n", end="", flush=True)

    def line(self) -> str:
        """Put what pip has said and done so far into one line."""
        said = self._environment.said()
        total = max(1, self._total - said.count("Ignoring "))
        fetched = said.count("Collecting ")
        installed = self._environment.installed() - self._before if fetched else 0
        count, verb = (installed, "installing") if installed > 0 else (fetched, "fetching")
        step = 1 if self._moves else max(1, total // 4)
        shown = min(count, total) // step * step
        return f"{verb} {shown} of {total} packages" if shown else ""

    def end(self) -> None:
        """Leave the line that moved."""
        if self._moves and self._shown:
            print(flush=True)
