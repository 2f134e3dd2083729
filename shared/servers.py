"""Services as real processes on real sockets: started, awaited, read, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from shared.infra.processes import end_with_us, reserved_port
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_START_WITHIN = 20.0
_STOP_WITHIN = 10.0
_TICK = 0.02
_QUIET = 0.2
_SETTLED_WITHIN = 2.0
_LOOPBACK = "127.0.0.1"
_OURS = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What a service inherits: nothing of the developer's own settings may decide a test."""


class ServerError(Exception):
    """A service didn't come up; the message holds what it said."""


@dataclass(eq=False)
class Server:
    """One running service."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    log_path: Path

    def __enter__(self) -> Self:
        """Be started already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it and forget what it wrote."""
        self.stop()
        self.log_path.unlink()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def log(self, start: int = 0) -> str:
        """Return what it wrote to stdout and stderr, from byte `start` on."""
        with self.log_path.open("rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")

    def settle(self) -> None:
        """Wait for what is still on its way into the log: an answer may be here before its line."""
        deadline = time.monotonic() + _SETTLED_WITHIN
        seen = -1
        while (size := self.log_path.stat().st_size) != seen and time.monotonic() < deadline:
            seen = size
            time.sleep(_QUIET)

    def stop(self) -> int:
        """Ask it to end as production would, insist if it doesn't; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def inherited() -> dict[str, str]:
    """Return the part of our own environment that a service gets as well."""
    return {name: os.environ[name] for name in _OURS if name in os.environ}


def start(
    module: str,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    *,
    root: Path = ROOT,
) -> Server:
    """Run `python -m module` on a free port of the loopback and wait until it is alive."""
    return start_command([sys.executable, "-m", module, *args], env, root=root)


def start_command(
    command: Sequence[str], env: Mapping[str, str] | None = None, *, root: Path = ROOT
) -> Server:
    """Run any server that obeys HOST and PORT, and wait until its /healthz says that it lives."""
    reservation, port = reserved_port()
    environment = inherited() | {"HOST": _LOOPBACK, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment |= env or {}
    descriptor, log = tempfile.mkstemp(prefix="server-", suffix=".log")
    process = subprocess.Popen(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=descriptor,
        stderr=subprocess.STDOUT,
        preexec_fn=end_with_us,  # noqa: PLW1509 - it makes one system call and takes no lock
    )
    os.close(descriptor)
    server = Server(process, _LOOPBACK, port, Path(log))
    with reservation, ExitStack() as unless_alive:
        unless_alive.enter_context(server)
        _wait_until_alive(server, " ".join(command))
        unless_alive.pop_all()
    return server


def _wait_until_alive(server: Server, name: str) -> None:
    deadline = time.monotonic() + _START_WITHIN
    while (ended := server.process.poll()) is not None or not _is_alive(server):
        if ended is not None or time.monotonic() > deadline:
            server.stop()
            reason = "is silent" if ended is None else f"ended with exit code {ended}"
            raise ServerError(f"{name} {reason}. It wrote:\n{server.log()}")
        time.sleep(_TICK)


def _is_alive(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", timeout=2).is_success
    except httpx.TransportError:
        return False
