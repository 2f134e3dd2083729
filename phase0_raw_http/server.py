"""The threaded server: one thread per connection, which sleeps while its client is slow.

Read `RequestHandler` from top to bottom: it is the life of a request. It stands on `http.server`
for what that module does well (listening, a thread per connection, hooks around both) and
replaces its way of reading requests, which trusts the client: it joins folded headers, takes the
first of two contradicting lengths, leaves a chunked body lying on the connection, where it passes
for the next request, and waits for the end of a header for as long as anybody likes.
"""

import logging
import signal
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from time import perf_counter

from .access_log import log_answer
from .blocking_stream import RECEIVE_BYTES, BlockingStream
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
from .problems import overloaded, problem
from .process import announce
from .settings import Settings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.1  # how soon the accepting thread notices that it shall stop


class RequestHandler(BaseHTTPRequestHandler):
    """One connection on one thread: read a request, route it, respond; then the next one."""

    server: "Server"  # pyright: ignore[reportIncompatibleVariableOverride] - never another one
    disable_nagle_algorithm = True  # an answer is sent in one piece: there is nothing to wait for

    def setup(self) -> None:
        """Prepare the connection; http.server calls this first."""
        super().setup()
        self.settings = self.server.settings
        self.stream = BlockingStream(self.connection)

    def handle(self) -> None:
        """Serve requests in the order they came (pipelining), until either side closes."""
        self.close_connection = False
        try:
            while not self.close_connection:
                self.handle_one_request()
            self.enter(Phase.CLOSING)
            self.stream.linger()
        except OSError as error:  # a client may vanish at any moment, or exhaust our patience
            log.debug("connection.lost reason=%s", type(error).__name__)

    def handle_one_request(self) -> None:
        """Live through one request: wait, read, route, respond."""
        self.wait_for_request()
        if self.close_connection:
            return
        started = perf_counter()
        self.command, self.path = "", "/"
        try:
            request = self.read_request()
            self.enter(Phase.WORKING)
            response = self.server.application(request)
            self.close_connection = response.close or not request.keep_alive
        except ServiceError as error:
            # The request has no known end, so nobody can say where the next one would begin.
            self.close_connection = True
            response = problem(error, self.path)
        self.respond(response)
        log_answer(self.command, self.path, response.status, started)

    def wait_for_request(self) -> None:
        """Wait for the first byte; a connection on which none comes is closed without a word."""
        self.enter(Phase.IDLE)
        self.stream.set_timeout(self.settings.idle_timeout)
        self.close_connection = not self.stream.wait_for_input()

    # --- read ---

    def read_request(self) -> Request:
        """Read head and body, each within a deadline of its own."""
        self.enter(Phase.RECEIVING)
        try:
            self.stream.set_timeout(self.settings.header_timeout)
            line = self.read_request_line()
            headers = parse_fields(self.read_field_lines())
            check_host(line.version, headers)
            self.stream.set_timeout(self.settings.body_timeout)
            return Request(line, headers, self.read_body(line, headers))
        except TimeoutError:
            raise ServiceError("request_timeout", "The request took too long to arrive.") from None

    def read_request_line(self) -> RequestLine:
        """Read the first line; an empty one before it is skipped (RFC 9112, section 2.2)."""
        longest = self.settings.max_request_line_bytes
        raw = self.stream.read_line(longest, "uri_too_long")
        line = parse_request_line(raw or self.stream.read_line(longest, "uri_too_long"))
        self.command, self.path = line.method, line.path
        return line

    def read_field_lines(self) -> list[bytes]:
        """Read `Name: value` lines up to the empty line that ends them."""
        lines: list[bytes] = []
        room = self.settings.max_header_bytes
        while line := self.stream.read_line(room, "headers_too_large"):
            lines.append(line)
            room -= len(line) + len(b"\r\n")
        return lines

    def read_body(self, line: RequestLine, headers: dict[str, str]) -> bytes:
        """Read what follows the head, after asking for it if the client wants to be asked."""
        chunked = has_chunked_body(line.version, headers)
        length = content_length(headers, self.settings.max_body_bytes)
        if wants_continue(line.version, headers) and (chunked or length):
            self.stream.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self.read_chunks() if chunked else self.stream.read_exactly(length)

    def read_chunks(self) -> bytes:
        """Read chunks up to the one of size 0, and the trailers after it, which are ignored."""
        body = bytearray()
        while size := parse_chunk_size(
            self.stream.read_line(MAX_CHUNK_LINE_BYTES, "malformed_request"),
            self.settings.max_body_bytes - len(body),
        ):
            body += parse_chunk_data(self.stream.read_exactly(size + len(b"\r\n")))
        parse_fields(self.read_field_lines())
        return bytes(body)

    # --- respond ---

    def respond(self, response: Response) -> None:
        """Send the response, saying whether the connection stays open."""
        self.enter(Phase.SENDING)
        self.close_connection = self.close_connection or self.server.connections.draining
        self.stream.set_timeout(self.settings.send_timeout)
        self.stream.send(
            encode_response(
                response,
                head_only=self.command == "HEAD",
                close=self.close_connection,
            )
        )

    def enter(self, phase: Phase) -> None:
        """Tell the table of connections what this one does now."""
        self.server.connections.enter(self.connection, phase)


class Server(ThreadingHTTPServer):
    """The listening socket, and a thread for every connection it lets in."""

    request_queue_size = 512  # connections the kernel completes while we are busy accepting

    def __init__(self, settings: Settings, application: Application) -> None:
        if ":" in settings.host:
            self.address_family = socket.AF_INET6
        self.settings = settings
        self.application = application
        self.connections = Connections(settings.max_connections)
        super().__init__((settings.host, settings.port), RequestHandler)

    def server_bind(self) -> None:
        """Bind, without http.server's look-up of our own name, which can hang on a bad resolver."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)

    def verify_request(  # pyright: ignore[reportIncompatibleMethodOverride] - TCP alone
        self, request: socket.socket, client_address: object
    ) -> bool:
        """Let a new connection in, or turn it away; the accepting thread asks this."""
        del client_address
        if self.connections.admit(request, lambda: hang_up(request)):
            return True
        turn_away(request)
        return False

    def shutdown_request(  # pyright: ignore[reportIncompatibleMethodOverride] - TCP alone
        self, request: socket.socket
    ) -> None:
        """Close a connection for good."""
        self.connections.leave(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what no handler expected; the other connections go on."""
        del request
        log.exception("connection.failed client=%s", client_address)  # noqa: LOG004 - called in one


def hang_up(connection: socket.socket) -> None:
    """Close a connection under the thread that waits on it, which wakes up to an end of input."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def turn_away(connection: socket.socket) -> None:
    """Answer 503 without a thread and without waiting: a new socket has room for one answer."""
    with suppress(OSError):
        connection.settimeout(0)
        connection.send(overloaded())
        connection.recv(RECEIVE_BYTES)  # unread input would turn the close into a reset


def serve(settings: Settings, application: Application) -> None:
    """Serve until SIGTERM or SIGINT, then let the requests under way finish."""
    # Blocked signals wait until sigwait takes them. A signal handler would instead run between
    # any two steps of this thread, even while it holds a lock that the handler needs.
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    with Server(settings, application) as server:
        announce(server.server_name, server.server_port)
        threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True).start()
        signal.sigwait(stop)
        server.shutdown()
        server.server_close()
        log.info("server.draining")
        server.connections.drain(settings.drain_timeout)
    log.info("server.stopped")
