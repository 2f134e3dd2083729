"""Servers that outlive the command that started them: their ports, their users, their lives."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InfraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TICK = 0.02
_COMMAND_WITHIN = 60.0


def free_port(wanted: int | None = None) -> int:
    """Return `wanted` if nobody listens there, else a port that the kernel picks."""
    for port in (wanted, 0) if wanted else (0,):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise InfraError("No port is free on 127.0.0.1. See who has them: ss -tlnp")


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def run(command: Sequence[str | Path], user: str | None, what: str) -> str:
    """Run a command to its end as `user`; its words become the error if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own binaries
            [str(part) for part in command],
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=user,
            group=_group(user),
            extra_groups=[] if user else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_COMMAND_WITHIN,
            start_new_session=True,  # Ctrl-C is meant for us, not for the database
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InfraError(f"{what} took more than {_COMMAND_WITHIN:.0f} s.") from None
    if done.returncode:
        words = (done.stderr or done.stdout).strip()
        raise InfraError(f"{what} failed with exit code {done.returncode}: {words}")
    return done.stdout


def is_alive(pid: int, program: str) -> bool:
    """Tell whether process `pid` runs `program`; a number may have gone to somebody else since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return program in _command_line(pid)


def stop(pid: int, program: str, within: float) -> bool:
    """End a server, insisting after `within` seconds; False if there was none."""
    if not is_alive(pid, program):
        return False
    os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: not is_alive(pid, program), within):
        os.kill(pid, signal.SIGKILL)
    return True


def wait_until(condition: Callable[[], bool], within: float) -> bool:
    """Poll until `condition` holds; False if it still doesn't after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK)
    return True


def _group(user: str | None) -> int | None:
    import pwd  # noqa: PLC0415 - not on every platform

    return pwd.getpwnam(user).pw_gid if user else None


def _command_line(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603
