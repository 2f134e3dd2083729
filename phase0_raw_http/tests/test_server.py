"""The threaded server when every thread it may have is at work."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

from phase0_raw_http.http_message import Request, Response
from phase0_raw_http.server import Server
from phase0_raw_http.settings import Settings
from phase0_raw_http.tests.echo import echo
from phase0_raw_http.tests.raw import PATIENCE

LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Gate:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, request: Request) -> Response:
        """Say that a request is here, and wait."""
        self.entered.set()
        assert self.open.wait(PATIENCE)
        return echo(request)


@contextmanager
def serving(server: Server) -> Generator[tuple[str, int]]:
    """Accept connections on a thread of our own."""
    with server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield "127.0.0.1", server.server_port
        server.shutdown()


def ask(address: tuple[str, int]) -> socket.socket:
    connection = socket.create_connection(address, timeout=PATIENCE)
    connection.sendall(LAST)
    return connection


def read(connection: socket.socket) -> bytes:
    with connection, connection.makefile("rb") as answer:
        return answer.read()


def test_a_newcomer_is_turned_away_when_nobody_can_be_hung_up_on() -> None:
    gate = Gate()
    with serving(Server(Settings(port=0, max_connections=1), gate)) as address:
        served = ask(address)
        assert gate.entered.wait(PATIENCE)

        refusal = read(ask(address))
        gate.open.set()

        assert refusal.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nRetry-After: 1\r\n" in refusal
        assert b'"code": "overloaded"' in refusal
        assert read(served).startswith(b"HTTP/1.1 200 ")
