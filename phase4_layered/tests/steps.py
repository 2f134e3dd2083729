"""Breaks a conversation between service and PostgreSQL at each of its steps, one after another."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable


class Steps:
    """Forwards to PostgreSQL, and can swallow one step and hang up in its place.

    A step is what one side says before it waits for the other. Whatever line of the service is
    running, these are all the moments that a database can tell apart: before a statement has
    reached it, after its reply was sent, before the next one. So who breaks off at each step in
    turn breaks off at every line.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._steps_left = 0
        self._strike: Callable[[], object] = nothing_else
        self.round_trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        """Be forwarding already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take no more connections; those there are end with whoever holds their other ends."""
        _hang_up(self._listener)

    def break_at(self, step: int, strike: Callable[[], object]) -> None:
        """Let pass what comes before this step; then call `strike`, and hang up on both sides."""
        self._strike = strike
        self._steps_left = step

    def broke(self) -> bool:
        """Tell whether it came to that; if not, it will not."""
        missing, self._steps_left = self._steps_left, 0
        return missing == 0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                ends = (client, socket.create_connection(self._target))
                threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        last = server
        with suppress(OSError):
            while data := (end := _who_speaks(client, server)).recv(65536):
                if self._must_break():
                    break
                self.round_trips += last is server and end is client
                last = end
                (server if end is client else client).sendall(data)
        _hang_up(client)
        _hang_up(server)

    def _must_break(self) -> bool:
        if self._steps_left == 0:
            return False
        self._steps_left -= 1
        if self._steps_left == 0:
            self._strike()
            return True
        return False


def nothing_else() -> None:
    """Strike nobody: to hang up is all that happens."""


def _who_speaks(*ends: socket.socket) -> socket.socket:
    return select.select(ends, [], [])[0][0]


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
