"""What the protocol refuses before there is a request: heads without end, and what is no HTTP."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from phase1_crud.http_protocol import MAX_HEAD_BYTES

if TYPE_CHECKING:
    from shared.servers import Server

TIMEOUT = 10.0
LONG = b"GET /healthz HTTP/1.1\r\nHost: test\r\nX-Long: "


def answer_to(server: Server, *pieces: bytes) -> tuple[int, dict[str, str]]:
    """Send bytes as they are; return status and JSON of the answer, once the server hangs up."""
    with socket.create_connection((server.host, server.port), TIMEOUT) as connection:
        for piece in pieces:
            connection.sendall(piece)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
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
