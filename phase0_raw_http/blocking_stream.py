"""A socket that waits, but never longer than it was told to in total.

`socket.settimeout` alone limits each single wait, so that a client sending one byte every nine
seconds would hold a ten-second timeout for ever. Here every wait counts against one deadline.
"""

import socket
from contextlib import suppress
from time import monotonic

from .http_syntax import malformed
from .input_buffer import InputBuffer

RECEIVE_BYTES = 65536
LINGER_SECONDS = 2.0


class BlockingStream:
    """Lines and blocks of bytes from a socket; the calling thread sleeps until they are here."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = InputBuffer()
        self._deadline = 0.0

    def set_timeout(self, seconds: float) -> None:
        """Allow `seconds` from now for everything until the next call; then TimeoutError."""
        self._deadline = monotonic() + seconds

    def wait_for_input(self) -> bool:
        """Wait for the first byte; False if the client closes the connection instead."""
        return len(self._buffer) > 0 or self._receive()

    def read_line(self, longest: int, too_long: str) -> bytes:
        """Return the next line without its CRLF."""
        while (line := self._buffer.take_line(longest, too_long)) is None:
            self._receive_more()
        return line

    def read_exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        while len(self._buffer) < size:
            self._receive_more()
        return self._buffer.take(size)

    def send(self, data: bytes) -> None:
        """Send all of `data`; the timeout of sendall is a total one already."""
        self._socket.settimeout(self._remaining())
        self._socket.sendall(data)

    def linger(self) -> None:
        """Close our side, then listen until the client closes its own.

        Closing a socket with unread input makes the kernel send a reset, and a reset may destroy
        the answer before the client has read it (RFC 9112, section 9.6). So read, and forget.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self.set_timeout(LINGER_SECONDS)
            while self._receive():
                self._buffer = InputBuffer()

    def _receive_more(self) -> None:
        if not self._receive():
            raise malformed("The connection ended in the middle of a request.")

    def _receive(self) -> bool:
        self._socket.settimeout(self._remaining())
        data = self._socket.recv(RECEIVE_BYTES)
        self._buffer.feed(data)
        return bool(data)

    def _remaining(self) -> float:
        remaining = self._deadline - monotonic()
        if remaining <= 0:
            raise TimeoutError
        return remaining
