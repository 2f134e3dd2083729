"""Clients that send slowly, read slowly or say nothing get an end, and nobody waits for them."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from itertools import repeat
from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.raw import connect, drip, get, is_closed, listen, wait_for_log
from shared.witness import eventually

if TYPE_CHECKING:
    import socket

    from shared.fixtures import Serve
    from shared.servers import Server

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
SHORT = {"IDLE_TIMEOUT": "0.5", "HEADER_TIMEOUT": "0.5", "BODY_TIMEOUT": "0.5"}
MOST = 5


@pytest.fixture(scope="module")
def hasty(kind: str, serve: Serve) -> Server:
    """Serve with little patience."""
    return serve("phase0_raw_http.tests.echo", [kind], SHORT)


@pytest.fixture(scope="module")
def small(kind: str, serve: Serve) -> Server:
    """Serve with all patience, but for few connections."""
    patient = dict.fromkeys(SHORT, "60")
    return serve("phase0_raw_http.tests.echo", [kind], {**patient, "MAX_CONNECTIONS": str(MOST)})


@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\nX: ", HEAD + b"\r\n"])
def test_a_request_that_drips_is_given_up_however_steady_the_drops(
    hasty: Server, start: bytes
) -> None:
    with connect(hasty) as connection:
        connection.sendall(start)
        drip(connection, repeat(b"x", 100))

        answer = listen(connection)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"Connection: close" in answer


def test_a_chunked_body_that_drips_is_given_up(hasty: Server) -> None:
    with connect(hasty) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        drip(connection, repeat(b"1\r\nx\r\n", 100))

        assert listen(connection).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_without_a_word(hasty: Server) -> None:
    with connect(hasty) as fresh, connect(hasty) as used:
        used.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        assert used.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert is_closed(used)
        assert is_closed(fresh)


@pytest.mark.parametrize("start", [b"", b"G", HEAD, HEAD + b"\r\nhalf"])
def test_slow_clients_on_every_seat_do_not_stop_a_healthy_one(small: Server, start: bytes) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(small)) for _ in range(4 * MOST)]
        for connection in slow:
            connection.sendall(start)

        for _ in range(10):
            assert get(small).startswith(b"HTTP/1.1 200 ")


def is_served(connection: socket.socket) -> bool:
    """Ask for something; tell whether there was an answer."""
    with suppress(OSError):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    return False


def test_the_longest_waiting_client_goes_first(small: Server) -> None:
    with ExitStack() as stack:
        seated: list[socket.socket] = []

        def all_are_seated() -> bool:
            # Whoever is just leaving, from a test before, may have cost one of them the seat.
            seated[:] = [stack.enter_context(connect(small)) for _ in range(MOST)]
            return all(is_served(connection) for connection in reversed(seated))

        eventually(all_are_seated)

        newcomer = stack.enter_context(connect(small))
        newcomer.sendall(b"G")

        assert is_closed(seated[-1])
        assert is_served(seated[0])


def test_a_client_that_never_reads_is_given_up(kind: str, serve: Serve) -> None:
    limits = {"SEND_TIMEOUT": "0.5", "MAX_BODY_BYTES": "100000000", "LOG_LEVEL": "DEBUG"}
    server = serve("phase0_raw_http.tests.echo", [kind], limits)
    size = 30_000_000  # more than the buffers of two sockets hold
    with connect(server) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendall(b"x" * size)
        assert get(server).startswith(b"HTTP/1.1 200 ")

        wait_for_log(server, "connection.lost reason=TimeoutError")
        assert len(listen(connection)) < size
