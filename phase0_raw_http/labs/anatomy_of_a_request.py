"""Anatomy of a request: the bytes that go in and the bytes that come out.

A client creates a user. How many bytes does it send, how many does it get back, and how many of
those are the JSON that you wanted? And why is the connection not closed at the end of the body?
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.lab import Lab

Row = tuple[int, str, str]
"""Where a line begins, its bytes as Python writes them, and what it is there for."""

BODY = '{"name": "Zoë", "email": "zoe@example.org"}'.encode()
SENT = (
    b"POST /users HTTP/1.1\r\n"
    b"Host: example.org\r\n"
    b"Content-Type: application/json\r\n"
    b"Content-Length: %d\r\n"
    b"\r\n" % len(BODY)
) + BODY

MEANINGS = {
    "POST": "request line: a method, a target, a version, with single spaces between them",
    "Host": "which site is meant, since many may share one address; HTTP/1.1 requires it",
    "Content-Type": "what the bytes of the body are; without it they are just bytes",
    "Content-Length": "bytes of the body, not characters: TCP has no end of message",
    "HTTP/1.1": "status line: the version, the code for programs, the phrase for people",
    "Location": "where the new thing lives: 201 alone does not say",
    "Date": "when the answer was made; caches count from here",
    "Server": "who answers; without a version, which would help attackers only",
    "Connection": "whether this connection may be used for the next request",
    "": "an empty line: the head ends here",
}


def run(lab: Lab) -> None:
    """Send one request by hand and put every line of both messages beside its meaning."""
    lab.predict("Bytes sent? Bytes received? How many of those are the JSON itself?")
    server = lab.serve()

    received = exchange(server.host, server.port, SENT)

    columns = ("offset", "bytes", "meaning")
    for title, message in (("In", SENT), ("Out", received)):
        lab.table(f"{title}: {summary(message)}", columns, list(annotated(message)))


def exchange(host: str, port: int, data: bytes) -> bytes:
    """Send the request, then read one answer: its head, and as much body as the head announces."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(data)
        answer = connection.makefile("rb")
        head = b"".join(iter(answer.readline, b"\r\n")) + b"\r\n"
        return head + answer.read(announced_length(head))


def announced_length(head: bytes) -> int:
    """Return the number of bytes that Content-Length promises; without it there is no body."""
    fields = (line.partition(b":") for line in head.splitlines())
    return next((int(value) for name, _, value in fields if name == b"Content-Length"), 0)


def annotated(message: bytes) -> Iterator[Row]:
    """Go through a message line by line."""
    head, _, body = message.partition(b"\r\n\r\n")
    offset = 0
    for line in [*head.split(b"\r\n"), b""]:
        yield offset, shown(line + b"\r\n"), meaning(line)
        offset += len(line) + len(b"\r\n")
    yield offset, shown(body), f"the body: {len(body.decode())} characters in {len(body)} bytes"


def meaning(line: bytes) -> str:
    """Look up what a line is there for, by its first word."""
    word = line.decode().split(" ")[0].removesuffix(":")
    return MEANINGS.get(word, "a header this lab has no word for")


def shown(line: bytes) -> str:
    """Write bytes as a Python literal, so that line ends and UTF-8 can be seen."""
    return repr(line)[2:-1]


def summary(message: bytes) -> str:
    """Say how large a message is, and how much of it is body."""
    body = message.partition(b"\r\n\r\n")[2]
    return f"{len(message)} bytes, of which the body is {len(body)}"
