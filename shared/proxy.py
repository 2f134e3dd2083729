"""A TCP proxy in front of PostgreSQL that can count, cut and stall: outages without an outage."""

from __future__ import annotations

import re
import select
import socket
import threading
from contextlib import suppress
from typing import Self


class Proxy:
    """Forwards connections to an address until told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._up = True
        self.statements = 0
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
        """Break all connections and stop listening."""
        self.cut()
        self._listener.close()

    def cut(self) -> None:
        """Break every connection and refuse new ones, as a server that has stopped does."""
        self._up = False
        for pair in self._pairs:
            for end in pair:
                _hang_up(end)
        self._pairs.clear()

    def mend(self) -> None:
        """Accept connections again."""
        self._up = True

    def stall(self) -> None:
        """Keep connections and let nothing through, as a machine that hangs does."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let the bytes through again."""
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._up:
                pair = (client, socket.create_connection(self._target))
                self._pairs.append(pair)
                threading.Thread(target=self._forward, args=pair, daemon=True).start()
            else:
                client.close()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        last = server
        try:
            while True:
                for end in select.select([client, server], [], [])[0]:
                    data = end.recv(65536)
                    self._flowing.wait()
                    if not data:
                        return
                    if end is client:
                        self.statements += _executions(data)
                        self.round_trips += last is server
                    last = end
                    other[end].sendall(data)
        except (OSError, ValueError):
            return
        finally:
            _hang_up(client)
            _hang_up(server)


def _executions(data: bytes) -> int:
    """Count Execute messages of the extended protocol: portal "", all rows."""
    return len(re.findall(rb"E\x00\x00\x00\x09\x00\x00\x00\x00\x00", data))


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
