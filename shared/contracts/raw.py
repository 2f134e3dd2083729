"""HTTP as bytes on a socket: sends what no client library would and reads every answer."""

from __future__ import annotations

import re
import selectors
import socket
import time
from contextlib import suppress

from .exchange import Answer, Headers, Mismatch, RawRequest, excerpt

MOST_BYTES = 32 * 2**20
"""No check asks for more; a server that sends on without end must not fill the memory."""

_CHUNK = 65536
_INTERIM = range(100, 200)
_BODILESS = (204, 304)
_REQUEST_LINE = re.compile(rb"^([A-Za-z-]+) \S+ HTTP/\d\.\d\r?$", re.MULTILINE)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?")


class Oversize(Exception):
    """The server sends more than any check asks for."""


def refuse_oversize(received: int) -> None:
    """Raise Oversize when this many bytes are too many."""
    if received > MOST_BYTES:
        raise Oversize(f"the answer is longer than {MOST_BYTES >> 20} MiB; it was read no further")


def converse(host: str, port: int, data: bytes, timeout: float) -> bytes:
    """Send the bytes while reading; return what came until the other side closed or time is up.

    Reading goes on while sending, because a server may refuse a message before it has all of it.
    """
    deadline = time.monotonic() + timeout
    received = bytearray()
    with socket.create_connection((host, port), timeout) as connection:
        connection.settimeout(0)
        while (left := deadline - time.monotonic()) > 0:
            readable, writable = _ready(connection, left, wants_write=bool(data))
            if writable:
                data = _send_some(connection, data)
            if readable and not _receive_some(connection, received):
                break
    return bytes(received)


def _ready(connection: socket.socket, seconds: float, *, wants_write: bool) -> tuple[bool, bool]:
    with selectors.DefaultSelector() as selector:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wants_write else 0)
        selector.register(connection, events)
        found = next((mask for _, mask in selector.select(seconds)), 0)
    return bool(found & selectors.EVENT_READ), bool(found & selectors.EVENT_WRITE)


def _send_some(connection: socket.socket, data: bytes) -> bytes:
    with suppress(BlockingIOError):
        try:
            return data[connection.send(data) :]
        except ConnectionError:
            return b""  # the server has heard enough; its answer may still be waiting to be read
    return data


def _receive_some(connection: socket.socket, received: bytearray) -> bool:
    try:
        chunk = connection.recv(_CHUNK)
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    received += chunk
    refuse_oversize(len(received))
    return bool(chunk)


def answers_in(received: bytes, request: RawRequest) -> list[Answer]:
    """Parse all answers, interim ones (1xx) among them."""
    methods = [match[1] for match in _REQUEST_LINE.finditer(request.content)]
    answers: list[Answer] = []
    final = 0
    while received:
        to_head = final < len(methods) and methods[final] == b"HEAD"
        answer, received = _take_answer(received, request, to_head=to_head)
        answers.append(answer)
        final += answer.status not in _INTERIM
    return answers


def _take_answer(data: bytes, request: RawRequest, *, to_head: bool) -> tuple[Answer, bytes]:
    head, found, rest = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status_line = _STATUS_LINE.fullmatch(lines[0])
    if not found or not status_line:
        raise Mismatch(f"expected an HTTP/1.1 response, got {excerpt(data)}")
    status = int(status_line[1])
    headers = Headers([_field(line) for line in lines[1:]])
    if to_head or status in _INTERIM or status in _BODILESS:
        body = b""
    else:
        body, rest = _take_body(headers, rest)
    return Answer(status, headers, body, request), rest


def _field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.decode("latin-1").partition(":")
    if not colon or not name or name != name.strip():
        raise Mismatch(f"expected a header field, got {excerpt(line)}")
    return name, value.strip()


def _take_body(headers: Headers, data: bytes) -> tuple[bytes, bytes]:
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        return _take_chunks(data)
    if "Content-Length" not in headers:
        return data, b""
    length = headers["Content-Length"]
    if not (length.isascii() and length.isdigit()):
        raise Mismatch(f"header Content-Length: expected a number, got {length!r}")
    return _take(data, int(length))


def _take(data: bytes, size: int) -> tuple[bytes, bytes]:
    if len(data) < size:
        raise Mismatch(f"the body breaks off: {size} bytes were announced, {len(data)} came")
    return data[:size], data[size:]


def _take_chunks(data: bytes) -> tuple[bytes, bytes]:
    body = bytearray()
    while True:
        line, found, data = data.partition(b"\r\n")
        size = line.partition(b";")[0].strip()
        if not found or not re.fullmatch(rb"[0-9A-Fa-f]+", size):
            raise Mismatch(f"expected the size of a chunk, got {excerpt(line)}")
        if not int(size, 16):
            return bytes(body), _after_trailer(data)
        chunk, data = _take(data, int(size, 16) + 2)
        body += chunk[:-2]


def _after_trailer(data: bytes) -> bytes:
    if data.startswith(b"\r\n"):
        return data[2:]
    return data.partition(b"\r\n\r\n")[2]
