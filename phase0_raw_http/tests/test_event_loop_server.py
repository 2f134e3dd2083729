"""What tells the two servers apart: how many threads it takes to hold a connection."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.raw import connect, get

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.servers import Server

CONNECTIONS = 50
LATE = {"IDLE_TIMEOUT": "60"}


def threads(server: Server) -> int:
    """Count the threads of a process."""
    return len(list(Path(f"/proc/{server.process.pid}/task").iterdir()))


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
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
