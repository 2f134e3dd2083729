"""One TCP connection spoken by hand, for checks in which time matters: who waits for whom."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.contracts.kit import Mismatch

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from shared.contracts.kit import Api

PATIENCE = 15.0
"""Seconds in which any server must have done something about a client that doesn't move on."""

DRIP = 0.2
"""Seconds between two drops of a slow client: often enough to please a timeout per read."""


class Line:
    """A connection to the server, and what came back on it."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._input = connection.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes, or as many of them as the server still takes."""
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return  # it has hung up, perhaps after an answer: status() tells

    def hang_up(self) -> None:
        """Say that nothing more will be sent, while still listening."""
        self._socket.shutdown(socket.SHUT_WR)

    def status(self, *, bodyless: bool = False) -> int | None:
        """Read one answer and return its status; None if the server hangs up instead."""
        try:
            start, *fields = self._head()
            lengths = [f[15:] for f in fields if f.lower().startswith(b"content-length:")]
            self._input.read(int(lengths[0]) if lengths and not bodyless else 0)
            return int(start.split()[1])
        except (ValueError, IndexError, ConnectionResetError):
            return None
        except TimeoutError:
            raise Mismatch(f"the server neither answers nor hangs up in {PATIENCE:.0f} s") from None

    def _head(self) -> list[bytes]:
        lines: list[bytes] = []
        while line := self._input.readline().rstrip():
            lines.append(line)
        return lines

    def drip(self, drops: Iterator[bytes]) -> int | None:
        """Send drop after drop until the server answers or hangs up; return as status() does."""
        started = time.monotonic()
        while time.monotonic() - started < PATIENCE:
            self.send(next(drops))
            if self._spoken_to(DRIP):
                return self.status()
        raise Mismatch(f"the server still waited after {PATIENCE:.0f} seconds")

    def _spoken_to(self, seconds: float) -> bool:
        """Tell whether the server has sent something, or hung up, within so many seconds."""
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return True


@contextmanager
def dial(api: Api) -> Generator[Line]:
    """Open a connection to the server, and close it in the end."""
    with socket.create_connection((api.host, api.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Line(connection)
