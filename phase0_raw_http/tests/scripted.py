"""A client made of prepared pieces: every `recv` of the server gets exactly the next one.

A real socket joins and splits what it carries as it likes. To try every way of cutting a stream
of bytes, the cuts must be ours.
"""

import asyncio
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from phase0_raw_http.async_stream import AsyncStream
from phase0_raw_http.connections import Connections
from phase0_raw_http.event_loop_server import Connection, EventLoopServer
from phase0_raw_http.http_message import Request, Response
from phase0_raw_http.server import RequestHandler
from phase0_raw_http.settings import Settings
from phase0_raw_http.tests.echo import echo
from phase0_raw_http.tests.raw import statuses


@dataclass
class Conversation:
    """What a server understood, and what it said."""

    requests: list[Request] = field(default_factory=list[Request])
    sent: bytearray = field(default_factory=bytearray)

    def application(self, request: Request) -> Response:
        """Echo, and remember."""
        self.requests.append(request)
        return echo(request)

    @property
    def statuses(self) -> list[int]:
        """The statuses of the answers, in order."""
        return statuses(bytes(self.sent))


class ScriptedSocket:
    """As much of a socket as the threaded server touches."""

    def __init__(self, pieces: Iterable[bytes], sent: bytearray) -> None:
        self._pieces = iter(pieces)
        self._sent = sent

    def recv(self, _size: int) -> bytes:
        """Give out the next piece, and at the end the end."""
        return next(self._pieces, b"")

    def sendall(self, data: bytes) -> None:
        """Keep what the server says."""
        self._sent += data

    def makefile(self, *_: object) -> io.BytesIO:
        """Return the file that http.server wants, and we never read."""
        return io.BytesIO()

    def ignore(self, *_: object) -> None:
        """Accept options and timeouts."""

    settimeout = setsockopt = shutdown = ignore


class ScriptedReader:
    """As much of an asyncio.StreamReader as the event loop server touches."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    async def read(self, _size: int) -> bytes:
        """Give out the next piece, and at the end the end."""
        return next(self._pieces, b"")


class ScriptedWriter:
    """As much of an asyncio.StreamWriter as the event loop server touches."""

    def __init__(self, sent: bytearray) -> None:
        self._sent = sent
        self.transport = self

    def write(self, data: bytes) -> None:
        """Keep what the server says."""
        self._sent += data

    async def drain(self) -> None:
        """Return at once: nothing is ever left unsent."""

    def write_eof(self) -> None:
        """Accept the end."""

    def set_write_buffer_limits(self, _high: int) -> None:
        """Accept any limit."""


def talk_to_threads(pieces: Iterable[bytes], settings: Settings | None = None) -> Conversation:
    """Let the threaded server's handler live through one connection."""
    conversation = Conversation()
    connection = ScriptedSocket(pieces, conversation.sent)
    server = SimpleNamespace(
        settings=settings or Settings(),
        application=conversation.application,
        connections=Connections(1),
    )
    server.connections.admit(connection, lambda: None)
    RequestHandler(cast("Any", connection), ("scripted", 0), cast("Any", server))
    return conversation


def talk_to_event_loop(pieces: Iterable[bytes], settings: Settings | None = None) -> Conversation:
    """Let the event loop server's connection live through the same."""
    conversation = Conversation()

    async def handle() -> None:
        reader, writer = ScriptedReader(pieces), ScriptedWriter(conversation.sent)
        server = EventLoopServer(settings or Settings(), conversation.application)
        connection = Connection(server, AsyncStream(cast("Any", reader), cast("Any", writer)))
        server.connections.admit(connection, lambda: None)
        await connection.handle()

    asyncio.run(handle())
    return conversation


TALKS = {"threads": talk_to_threads, "event_loop": talk_to_event_loop}
