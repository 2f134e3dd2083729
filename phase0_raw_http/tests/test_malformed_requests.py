"""What is not HTTP is refused with the right status, and the connection is closed behind it.

The list grew from h1spec (which both servers pass as well, 33 of 33) and from the sections of
RFC 9112 that say MUST.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.raw import ask, connect, listen, statuses

if TYPE_CHECKING:
    from shared.servers import Server

HOST = b"Host: example.com\r\n"
HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
"""A request that must never be answered: whoever sees it has misread the one before."""


def post(*fields: bytes, body: bytes = b"") -> bytes:
    """Write a POST with these header lines."""
    return b"POST / HTTP/1.1\r\n" + HOST + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked"
REFUSED = {
    "no version": (b"GET / \r\n\r\n", 400),
    "version of HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "unknown version": (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 505),
    "the preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "two empty lines in front": (b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "words in front": (b"Extra lineGET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "bare LF among headers": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "bare CR among headers": (b"GET / HTTP/1.1\r\n" + HOST + b"\rX: b\r\n\r\n", 400),
    "obs-fold": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400),
    "fold at the first header": (b"GET / HTTP/1.1\r\n " + HOST + b"\r\n", 400),
    "space before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "bad header name": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Invalid[]: a\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
    "bell in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: \x07\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
    "bad Host": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "long request line": (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "endless request line": (b"GET /" + b"a" * 300, 414),
    "long headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100 + b"\r\n", 431),
    "endless header": (b"GET / HTTP/1.1\r\nX: " + b"a" * 500, 431),
    "negative length": (post(b"Content-Length: -1"), 400),
    "length in words": (post(b"Content-Length: abc"), 400),
    "two equal lengths": (post(b"Content-Length: 4", b"Content-Length: 4", body=b"abcd"), 400),
    "a list of lengths": (post(b"Content-Length: 4, 4", body=b"abcd"), 400),
    "length and chunks": (post(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n"), 400),
    "unknown coding": (post(b"Transfer-Encoding: gzip, chunked"), 501),
    "a space that is none": (post(b"Transfer-Encoding: \xa0chunked", body=b"0\r\n\r\n"), 400),
    "chunked not at the end": (post(b"Transfer-Encoding: chunked, gzip"), 400),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n\r\n0\r\n\r\n", 400),
    "long body": (post(b"Content-Length: 1001", body=b"a" * 1001), 413),
    "length without limit": (post(b"Content-Length: " + b"9" * 300), 413),
    "long chunk": (post(CHUNKED, body=b"3e9\r\n"), 413),
    "many chunks": (post(CHUNKED, body=b"1f4\r\n" + b"a" * 500 + b"\r\n1f5\r\n"), 413),
    "bad chunk size": (post(CHUNKED, body=b"x\r\n"), 400),
    "negative chunk size": (post(CHUNKED, body=b"-1\r\n"), 400),
    "chunk too long for its size": (post(CHUNKED, body=b"1\r\nabc\r\n0\r\n\r\n"), 400),
    "endless chunk extension": (post(CHUNKED, body=b"1;" + b"a" * 2000), 400),
    "bad trailer": (post(CHUNKED, body=b"0\r\nbad trailer\r\n\r\n"), 400),
    "long trailers": (post(CHUNKED, body=b"0\r\n" + b"X: a\r\n" * 100 + b"\r\n"), 431),
    "another expectation": (post(b"Expect: 200-ok", b"Content-Length: 1", body=b"a"), 417),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_http_is_refused(echo_server: Server, name: str) -> None:
    data, status = REFUSED[name]

    answer = ask(echo_server, data + HIDDEN)

    assert statuses(answer) == [status]
    assert b"\r\nConnection: close\r\n" in answer
    assert b"Content-Type: application/problem+json" in answer


def test_the_answer_arrives_although_megabytes_were_still_on_their_way(
    echo_server: Server,
) -> None:
    answer = ask(echo_server, post(b"Content-Length: 3000000", body=b"a" * 3_000_000))

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_the_rest_of_a_request_cut_off_is_not_guessed(echo_server: Server) -> None:
    with connect(echo_server) as connection:
        connection.sendall(post(b"Content-Length: 9", body=b"half"))
        connection.shutdown(socket.SHUT_WR)

        assert listen(connection).startswith(b"HTTP/1.1 400 ")
