"""Ports: which is free, and who has the one that isn't."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

_LISTENING = "0A"  # the state in /proc/net/tcp
_HIGHEST = 65535
_WIDTH = 60
_ASKED_WITHIN = 5.0


def is_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server couldn't listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections are only being forgotten is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port(above: int) -> int:
    """Find the next port that is free, to be suggested."""
    return next((port for port in range(above + 1, _HIGHEST) if not is_taken(port)), 0)


def who_listens(port: int) -> str:
    """Name the process that has the port, as far as this user may know."""
    pid = pid_of_listener(port)
    return f"{_command(pid)} (process {pid})" if pid else "another program"


def pid_of_listener(port: int) -> int | None:
    """Find the process that has the port; None if it is another user's, or nobody's."""
    proc = Path("/proc/net/tcp").exists()
    return _pid_from_proc(port) if proc else _pid_from_lsof(port)


def _pid_from_proc(port: int) -> int | None:
    inodes = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(str(descriptor.readlink()) in inodes for descriptor in folder.iterdir()):
                return int(folder.parent.name)
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for row in table.read_text().splitlines()[1:] if table.exists() else []:
            fields = row.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                inodes.add(inode)
    return inodes


def _pid_from_lsof(port: int) -> int | None:
    lsof = shutil.which("lsof")
    if lsof is None:
        return None
    command = [lsof, "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"]
    pids = _output(command).split()
    return int(pids[0]) if pids else None


def _command(pid: int) -> str:
    words = _output(["ps", "-o", "command=", "-p", str(pid)]).split()
    return " ".join([Path(words[0]).name, *words[1:]])[:_WIDTH] if words else "a program"


def _output(command: list[str]) -> str:
    """Return what a tool of the system says: nothing, where there is no such tool or it hangs."""
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=_ASKED_WITHIN, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
