"""What tells the two servers apart: how many threads it takes to hold a connection."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import psutil
import pytest

from phase0_raw_http.tests.raw import connect, get

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.servers import Server

CONNECTIONS = 50
LATE = {"IDLE_TIMEOUT": "60"}


def threads(server: Server) -> int:
    """Count the threads of its process."""
    return psutil.Process(server.process.pid).num_threads()


@pytest.mark.parametrize(("kind", "least", "most"), [("threads", 51, 60), ("event_loop", 1, 1)])
def test_a_connection_costs_a_thread_or_none(
    serve: Serve, kind: str, least: int, most: int
) -> None:
    server = serve("phase0_raw_http.tests.echo", [kind], LATE)
    with ExitStack() as stack:
        for _ in range(CONNECTIONS):
            waiting = stack.enter_context(connect(server))
            waiting.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert waiting.recv(65536).startswith(b"HTTP/1.1 200 ")

        assert least <= threads(server) <= most
        assert get(server).startswith(b"HTTP/1.1 200 ")
