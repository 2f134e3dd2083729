"""The event loop server: one thread for all connections, and `await` wherever a client is slow.

Compare `Connection` here with `RequestHandler` in `server.py`: the same life of a request, the
same rules, the same routes. What differs is who waits. There, a thread per connection sleeps in
`recv`. Here a coroutine stands still at `await` and costs a few kilobytes; but a route that
blocks would stop everybody, for there is only one thread.
"""

import asyncio
import logging
import signal
import sys
from time import perf_counter

from .access_log import log_answer
from .application import UsersAndPosts
from .async_stream import AsyncStream
from .connections import Connections, Phase
from .errors import ServiceError
from .http_message import Application, Request, RequestLine, Response, encode_response
from .http_syntax import (
    MAX_CHUNK_LINE_BYTES,
    check_host,
    content_length,
    has_chunked_body,
    parse_chunk_data,
    parse_chunk_size,
    parse_fields,
    parse_request_line,
    wants_continue,
)
from .problems import problem
from .process import announce, run
from .settings import Settings
from .store import Store

log = logging.getLogger(__name__)


class Connection:
    """One connection: read a request, route it, respond; then the next one."""

    def __init__(self, server: "EventLoopServer", stream: AsyncStream) -> None:
        self.server = server
        self.settings = server.settings
        self.stream = stream
        self.close_connection = False
        self.method, self.path = "", "/"

    async def handle(self) -> None:
        """Serve requests in the order they came (pipelining), until either side closes."""
        try:
            while not self.close_connection:
                await self.handle_one_request()
            self.enter(Phase.CLOSING)
            await self.stream.linger()
        except OSError as error:  # a client may vanish at any moment, or exhaust our patience
            log.debug("connection.lost reason=%s", type(error).__name__)

    async def handle_one_request(self) -> None:
        """Live through one request: wait, read, route, respond."""
        await self.wait_for_request()
        if self.close_connection:
            return
        started = perf_counter()
        self.method, self.path = "", "/"
        try:
            request = await self.read_request()
            self.enter(Phase.WORKING)
            response = self.server.application(request)
            self.close_connection = response.close or not request.keep_alive
        except ServiceError as error:
            # The request has no known end, so nobody can say where the next one would begin.
            self.close_connection = True
            response = problem(error, self.path)
        await self.respond(response)
        log_answer(self.method, self.path, response.status, started)

    async def wait_for_request(self) -> None:
        """Wait for the first byte; a connection on which none comes is closed without a word."""
        self.enter(Phase.IDLE)
        async with asyncio.timeout(self.settings.idle_timeout):
            self.close_connection = not await self.stream.wait_for_input()

    # --- read ---

    async def read_request(self) -> Request:
        """Read head and body, each within a deadline of its own."""
        self.enter(Phase.RECEIVING)
        try:
            async with asyncio.timeout(self.settings.header_timeout):
                line = await self.read_request_line()
                headers = parse_fields(await self.read_field_lines())
                check_host(line.version, headers)
            async with asyncio.timeout(self.settings.body_timeout):
                return Request(line, headers, await self.read_body(line, headers))
        except TimeoutError:
            raise ServiceError("request_timeout", "The request took too long to arrive.") from None

    async def read_request_line(self) -> RequestLine:
        """Read the first line; an empty one before it is skipped (RFC 9112, section 2.2)."""
        longest = self.settings.max_request_line_bytes
        raw = await self.stream.read_line(longest, "uri_too_long")
        line = parse_request_line(raw or await self.stream.read_line(longest, "uri_too_long"))
        self.method, self.path = line.method, line.path
        return line

    async def read_field_lines(self) -> list[bytes]:
        """Read `Name: value` lines up to the empty line that ends them."""
        lines: list[bytes] = []
        room = self.settings.max_header_bytes
        while line := await self.stream.read_line(room, "headers_too_large"):
            lines.append(line)
            room -= len(line) + len(b"\r\n")
        return lines

    async def read_body(self, line: RequestLine, headers: dict[str, str]) -> bytes:
        """Read what follows the head, after asking for it if the client wants to be asked."""
        chunked = has_chunked_body(line.version, headers)
        length = content_length(headers, self.settings.max_body_bytes)
        if wants_continue(line.version, headers) and (chunked or length):
            await self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await (self.read_chunks() if chunked else self.stream.read_exactly(length))

    async def read_chunks(self) -> bytes:
        """Read chunks up to the one of size 0, and the trailers after it, which are ignored."""
        body = bytearray()
        while size := parse_chunk_size(
            await self.stream.read_line(MAX_CHUNK_LINE_BYTES, "malformed_request"),
            self.settings.max_body_bytes - len(body),
        ):
            body += parse_chunk_data(await self.stream.read_exactly(size + len(b"\r\n")))
        parse_fields(await self.read_field_lines())
        return bytes(body)

    # --- respond ---

    async def respond(self, response: Response) -> None:
        """Send the response, saying whether the connection stays open."""
        self.enter(Phase.SENDING)
        self.close_connection |= self.server.connections.draining
        async with asyncio.timeout(self.settings.send_timeout):
            await self.stream.send(
                encode_response(
                    response,
                    head_only=self.method == "HEAD",
                    close=self.close_connection,
                )
            )

    def enter(self, phase: Phase) -> None:
        """Tell the table of connections what this one does now."""
        self.server.connections.enter(self, phase)


class EventLoopServer:
    """The listening socket, and a task for every connection it lets in."""

    def __init__(self, settings: Settings, application: Application) -> None:
        self.settings = settings
        self.application = application
        self.connections = Connections(settings.max_connections)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let a new connection in, or turn it away; asyncio runs this as a task of its own."""
        loop = asyncio.get_running_loop()
        stream = AsyncStream(reader, writer)
        connection = Connection(self, stream)
        try:
            # There is always somebody to make room: a route runs without a pause, so that no
            # connection is at work while another one is let in.
            self.connections.admit(connection, lambda: loop.call_soon_threadsafe(stream.abort))
            await connection.handle()
        except asyncio.CancelledError:
            log.debug("connection.cut")  # the process ends; there is nobody to tell but the log
        except Exception:
            log.exception("connection.failed")
        finally:
            self.connections.leave(connection)
            stream.abort()  # whatever could be sent has been; `close` might wait to send the rest

    async def serve(self) -> None:
        """Serve until SIGTERM or SIGINT, then let the requests under way finish."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        listener = await asyncio.start_server(
            self.accept, self.settings.host, self.settings.port, backlog=512
        )
        announce(*listener.sockets[0].getsockname()[:2])
        await stop.wait()
        listener.close()
        log.info("server.draining")
        await asyncio.to_thread(self.connections.drain, self.settings.drain_timeout)
        log.info("server.stopped")


def serve(settings: Settings, application: Application) -> None:
    """Run the event loop until the server has stopped."""
    asyncio.run(EventLoopServer(settings, application).serve())


if __name__ == "__main__":
    sys.exit(run("phase0_raw_http.event_loop_server", serve, UsersAndPosts(Store())))
