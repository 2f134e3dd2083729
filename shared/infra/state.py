"""What this checkout remembers about the services it started, and who may change it now."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shared.phases import ROOT

from .errors import InfraError

if TYPE_CHECKING:
    from collections.abc import Generator

_LOCK_WITHIN = 120.0
_TICK = 0.05
_SYSTEM_HOME = Path("/var/lib/backend-curriculum")
"""Where services of a root user live: a checkout in root's own home is closed to other users."""


@dataclass(frozen=True)
class State:
    """The folder of one checkout's services; two checkouts never share one."""

    root: Path = ROOT

    @property
    def folder(self) -> Path:
        """The checkout's own folder, which holds the lock."""
        return self.root / ".infra"

    @property
    def checkout(self) -> str:
        """A short name for the checkout, the same as long as it stays where it is."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:12]

    @cached_property
    def user(self) -> str | None:
        """Who runs the servers: ourselves, unless we are root. PostgreSQL refuses to be root."""
        return _unprivileged_user() if os.geteuid() == 0 else None

    @property
    def home(self) -> Path:
        """Where binaries, data, passwords and logs are: where the servers' user can reach."""
        if self.user is None:
            return self.folder / "embedded"
        return _SYSTEM_HOME / self.checkout

    def make_home(self) -> Path:
        """Create the home, for its user's eyes only."""
        while not self.home.is_dir():
            # Another checkout's `make clean` may take the parent away while it is still empty.
            with suppress(FileNotFoundError, FileExistsError):
                self._make_parent()
                self.home.mkdir(mode=0o700)
        self.give(self.home)
        return self.home

    def _make_parent(self) -> None:
        if self.user is None:
            self.folder.mkdir(exist_ok=True)
        else:
            _SYSTEM_HOME.mkdir(exist_ok=True)
            _SYSTEM_HOME.chmod(0o711)  # whatever root's umask is, the user must get through

    def remove_home(self) -> None:
        """Remove the home with all data, and its parent unless other checkouts live there."""
        if self.home.exists():
            shutil.rmtree(self.home)
        if self.user is not None:
            with suppress(OSError):
                _SYSTEM_HOME.rmdir()

    def give(self, path: Path) -> None:
        """Hand `path` to the user who runs the servers."""
        if self.user is not None:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def secret(self, name: str) -> str:
        """Return the password called `name`, made at its first use and readable to us alone.

        It lies beside the data that it opens: whoever deletes one deletes the other.
        """
        path = self.home / f"{name}.password"
        if not path.exists():
            unfinished = self.make_home() / f"{name}.{secrets.token_hex(4)}"
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_hex(16), encoding="ascii")
            with suppress(FileExistsError):  # another process's: the first one is everybody's
                path.hardlink_to(unfinished)
            unfinished.unlink()
        return path.read_text(encoding="ascii")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Keep every other process of this checkout from starting or stopping services.

        The kernel releases the lock when its holder dies, so a killed run blocks nobody.
        """
        self.folder.mkdir(exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            _acquire(lock.fileno(), self.folder / "lock")
            yield


def open_to_all(folder: Path) -> None:
    """Let every user read what is in a copy of ours, whatever our umask is."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def _acquire(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_WITHIN
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise InfraError(
                    f"Another process has been starting services for {_LOCK_WITHIN:.0f} s. "
                    f"See who holds {path}: fuser -v {path}"
                ) from None
        time.sleep(_TICK)


def _unprivileged_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise InfraError(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as. "
        "Run the command as an ordinary user, or add one: useradd --system postgres"
    )
