"""Servers that outlive the command that started them: their ports, their users, their lives."""

from __future__ import annotations

import ctypes
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InfraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_TICK = 0.02
_LASTING = range(20_000, 32_768)
_COMMAND_WITHIN = 60.0
_TOOL_WITHIN = 5.0


def free_port() -> int:
    """Return a port that the kernel picks."""
    return _first_free([0])


def lasting_port(wanted: int | None = None) -> int:
    """Return `wanted` if it is free, else a port that is likely to be free again after a restart.

    Those that the kernel picks are not: while their server is down, it gives them to any client
    that connects to somewhere.
    """
    others = random.sample(_LASTING, 100)
    return _first_free([wanted, *others] if wanted else others)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port."""
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def _first_free(ports: Sequence[int]) -> int:
    for port in ports:
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise InfraError("No port is free on 127.0.0.1. See who has them: ss -tlnp")


def reserved_port() -> tuple[socket.socket, int]:
    """Bind a free port without listening; the kernel offers it to nobody until that is closed.

    A server that sets SO_REUSEADDR, as nearly all do, can listen there meanwhile: on Linux, that
    is. Elsewhere the port is only free, for now.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    port = int(reservation.getsockname()[1])
    if sys.platform != "linux":
        reservation.close()
    return reservation, port


def end_with_us() -> None:
    """Let the kernel end a child process when the thread that started it does; Linux only.

    For Popen's preexec_fn: one system call and nothing else. So not even a run that is killed
    leaves a service behind, with a port and a database's connections.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def run(command: Sequence[str | Path], user: str | None, what: str) -> str:
    """Run a command to its end as `user`; its words become the error if it fails."""
    try:
        done = subprocess.run(
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


def is_alive(pid: int, command: str) -> bool:
    """Tell whether process `pid` was started by a command line that holds `command`.

    A number alone says little: it may have gone to another process since it was noted.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return command in _command_line(pid)


def stop(pid: int, command: str, within: float) -> bool:
    """End a server, insisting after `within` seconds; False if there was none."""
    if not is_alive(pid, command):
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until(lambda: not is_alive(pid, command), within):
            break
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
    return pwd.getpwnam(user).pw_gid if user else None


def _command_line(pid: int) -> str:
    if sys.platform == "linux":
        with suppress(OSError):  # it has just ended
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode("utf-8", "replace")
            )
        return ""
    command = ["ps", "-o", "command=", "-p", str(pid)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_TOOL_WITHIN, check=False
    ).stdout
