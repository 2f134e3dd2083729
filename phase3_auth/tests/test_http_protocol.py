"""What the protocol refuses before there is a request: heads without end, and what is no HTTP."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from phase3_auth.http_protocol import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from shared.servers import Server

TIMEOUT = 10.0
GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
POST = (
    b"POST /users HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n"
)
LONG = b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-Long: "


def everything_from(server: Server, *pieces: bytes) -> bytes:
    """Send bytes as they are; return what comes until the server hangs up."""
    received = b""
    with socket.create_connection((server.host, server.port), TIMEOUT) as connection:
        with suppress(ConnectionError):  # it may have heard enough before we have said all
            for piece in pieces:
                connection.sendall(piece)
        with suppress(ConnectionError):
            while some := connection.recv(65536):
                received += some
    return received


def answer_to(server: Server, *pieces: bytes) -> tuple[int, dict[str, str]]:
    """Return status and JSON of the one answer to these bytes."""
    received = everything_from(server, *pieces)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize("line", [b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x00"])
def test_what_is_no_http_gets_a_problem(server: Server, line: bytes) -> None:
    status, problem = answer_to(server, line)

    assert (status, problem["code"]) == (400, "malformed_request")


def test_a_head_without_end_is_refused_before_it_fills_the_memory(server: Server) -> None:
    status, problem = answer_to(server, LONG, b"x" * MAX_HEAD_BYTES)

    assert (status, problem["code"]) == (431, "headers_too_large")


def test_a_long_body_is_no_long_head(server: Server) -> None:
    body = json.dumps({"name": "x" * MAX_HEAD_BYTES * 2, "email": "a@example.org"}).encode()
    head = (
        b"POST /users HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    )

    status, problem = answer_to(server, head, body[:MAX_HEAD_BYTES], body[MAX_HEAD_BYTES:])

    assert (status, problem["code"]) == (422, "invalid_payload")


def statuses(received: bytes) -> list[int]:
    """List the status of each answer."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def test_trailers_without_end_are_refused_as_well(server: Server) -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"

    status, problem = answer_to(server, chunked, b"X-Long: ", *[b"x" * MAX_HEAD_BYTES] * 8)

    assert (status, problem["code"]) == (431, "headers_too_large")


def test_a_trailer_is_no_header(server: Server) -> None:
    untyped = POST.replace(b"Content-Type: application/json\r\n", b"")
    chunked = untyped + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"

    status, _ = answer_to(server, chunked, b"Content-Type: application/json\r\n\r\n")

    assert status == 415


def test_many_small_requests_are_no_long_head(server: Server) -> None:
    many = GET * (2 * MAX_HEAD_BYTES // len(GET))
    last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    received = everything_from(server, many, last[:-10], last[-10:])

    assert set(statuses(received)) == {200}
    assert received.count(b"HTTP/1.1 200") == 2 * MAX_HEAD_BYTES // len(GET) + 1


def test_what_was_carried_out_is_answered_before_rubbish_behind_it(server: Server) -> None:
    email = f"rubbish.{time.monotonic_ns()}@example.com"
    body = json.dumps({"name": "Ada", "email": email}).encode()
    request = POST.replace(b"Connection: close\r\n", b"")

    received = everything_from(
        server, request + b"Content-Length: %d\r\n\r\n" % len(body) + body + b"rubbish\r\n\r\n"
    )

    assert statuses(received) == [201, 400]


def test_an_upgrade_that_is_not_to_be_had_loses_no_body_silently(server: Server) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    post = POST.replace(b"Connection: close\r\n", upgrade) + b"Content-Length: 2\r\n\r\n{}"

    status, problem = answer_to(server, post)

    assert (status, problem["code"]) == (400, "malformed_request")
    assert "without Upgrade" in problem["detail"]


def test_an_upgrade_of_a_get_is_ignored_and_the_connection_closed(server: Server) -> None:
    upgrade = GET.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")

    assert statuses(everything_from(server, upgrade + GET)) == [200]
