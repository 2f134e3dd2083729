"""Uvicorn's HTTP protocol, with what it lacks: a limit on heads, problems as JSON, one write."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65536


class StrictProtocol(HttpToolsProtocol):
    """Uvicorn keeps a head of any size in memory, and sends head and body of an answer apart.

    The second means two system calls, two packets and two wake-ups over there: for an answer of
    some hundred bytes, the most expensive thing the service does.
    """

    in_head = False
    bytes_without_progress = 0
    last_words = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- uvicorn narrows it as well
        """Stand between the protocol and its transport."""
        super().connection_made(GatheringTransport(transport))  # pyright: ignore[reportArgumentType] -- quacks like one

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless it makes a head, or the trailers behind a body, too long."""
        self.bytes_without_progress += len(data)
        super().data_received(data)
        if self.bytes_without_progress > MAX_HEAD_BYTES and not self.transport.is_closing():
            detail = f"Request line and headers may have {MAX_HEAD_BYTES} bytes."
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self.in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the head; one behind the body (a trailer) must not pass for one."""
        if self.in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request; one that would rather speak another protocol is the last of its kind.

        The parser stops where the other protocol would begin, so that a body would be lost.
        """
        self.in_head = False
        self.bytes_without_progress = 0
        if not self.parser or not self.parser.should_upgrade():
            super().on_headers_complete()
        elif any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers):
            detail = "There is only HTTP/1.1 here. Send a request with a body without Upgrade."
            self.refuse(HTTPStatus.BAD_REQUEST, "malformed_request", detail)
        else:
            super().on_headers_complete()
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self.bytes_without_progress = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that a request is complete."""
        self.bytes_without_progress = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or say what was left to say."""
        super().on_response_complete()
        if self.last_words and self.cycle.response_complete:
            self.hang_up()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's words are for logs
        """Answer what is no HTTP as every other mistake is answered."""
        self.refuse(HTTPStatus.BAD_REQUEST, "malformed_request", "This is not HTTP/1.1.")

    def refuse(self, status: HTTPStatus, code: str, detail: str) -> None:
        """Answer and hang up: after this nobody knows where the next request would begin.

        Requests that came whole before it are carried out, and so they are answered before it.
        """
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "instance": "",
            "code": code,
        }
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.last_words = head.encode() + body
        if self.cycle and not self.cycle.more_body and not self.cycle.response_complete:
            self.transport.pause_reading()
        else:
            self.hang_up()

    def hang_up(self) -> None:
        """Say the last words and close."""
        self.transport.write(self.last_words)
        self.transport.close()


class GatheringTransport:
    """A transport that writes at the end of a turn of the event loop what came in during it."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._gathered: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- all else is the transport's
        """Leave the rest to the transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keep the bytes until this turn is over."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self.flush)
        self._gathered.append(data)

    def flush(self) -> None:
        """Hand over what has gathered, unless the client has gone in the meantime."""
        data, self._gathered = b"".join(self._gathered), []
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close, with the last bytes out first."""
        self.flush()
        self._transport.close()
