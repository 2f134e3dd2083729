"""One connection, many requests: order, what keeps it open, what closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.raw import ask, connect, get, listen

if TYPE_CHECKING:
    from shared.servers import Server

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


def bodies(answers: bytes) -> list[bytes]:
    """Take the bodies out of a row of answers."""
    return [
        answer.partition(b"\r\n\r\n")[2] for answer in answers.split(b"HTTP/1.1 200 OK\r\n")[1:]
    ]


def test_pipelined_requests_are_answered_in_order(echo_server: Server) -> None:
    posts = b"".join(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n%02d" % n for n in range(50)
    )

    answers = ask(echo_server, posts + LAST)

    assert bodies(answers) == [b"%02d" % n for n in range(50)] + [b""]


def test_http_1_0_closes_unless_asked_to_keep(echo_server: Server) -> None:
    old = b"GET / HTTP/1.0\r\n\r\n"
    kept = b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"

    assert len(bodies(ask(echo_server, old + old))) == 1
    assert len(bodies(ask(echo_server, kept + kept + old))) == 3


@pytest.mark.parametrize("option", [b"close", b"Close", b"keep-alive, close", b"x,close"])
def test_a_client_may_close(echo_server: Server, option: bytes) -> None:
    request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + option + b"\r\n\r\n"

    answer = ask(echo_server, request + LAST)

    assert len(bodies(answer)) == 1
    assert b"\r\nConnection: close\r\n" in answer


def test_head_names_the_length_and_sends_no_body(echo_server: Server) -> None:
    head = b"HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

    answers = ask(echo_server, head + LAST)

    assert b"Content-Length: 5\r\n" in answers
    assert bodies(answers) == [b"", b""]


def test_a_refused_head_request_gets_no_body_either(echo_server: Server) -> None:
    answer = ask(echo_server, b"HEAD / HTTP/1.1\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_client_that_waits_for_100_gets_it_before_it_sends(echo_server: Server) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n"
    with connect(echo_server) as connection:
        connection.sendall(head + b"Connection: close\r\n\r\n")
        interim = connection.recv(100)
        connection.sendall(b"hello")

        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert bodies(listen(connection)) == [b"hello"]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 1001\r\n", 413),
        (b"Content-Length: x\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
    ],
)
def test_a_body_that_would_be_refused_is_not_asked_for(
    echo_server: Server, fields: bytes, status: int
) -> None:
    head = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n" + fields + b"\r\n"

    assert ask(echo_server, head).startswith(b"HTTP/1.1 %d " % status)


def test_an_old_client_and_an_empty_body_get_no_100(echo_server: Server) -> None:
    old = b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
    empty = b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n"

    assert bodies(ask(echo_server, old)) == [b"a"]
    assert bodies(ask(echo_server, empty + LAST)) == [b"", b""]


def test_an_answer_names_its_date_its_server_and_its_length(echo_server: Server) -> None:
    answer = get(echo_server)

    assert b"\r\nDate: " in answer
    assert b"\r\nServer: phase0\r\n" in answer
    assert b"\r\nContent-Length: 0\r\n" in answer
