"""An asyncio stream that gives lines and blocks of bytes; the twin of `blocking_stream`.

Where the other one puts a thread to sleep, `await` hands the only thread back to the event loop,
which meanwhile runs whichever connection has something to do.
"""

import asyncio
from contextlib import suppress

from .http_syntax import malformed
from .input_buffer import InputBuffer

RECEIVE_BYTES = 65536
LINGER_SECONDS = 2.0


class AsyncStream:
    """Lines and blocks of bytes from a connection. Deadlines are the caller's: asyncio.timeout."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = InputBuffer()
        # By default `drain` returns while up to 64 KiB are still unsent. With 0 it returns when
        # the client has taken all, so that the deadline around it means what it says.
        writer.transport.set_write_buffer_limits(0)

    async def wait_for_input(self) -> bool:
        """Wait for the first byte; False if the client closes the connection instead."""
        return len(self._buffer) > 0 or await self._receive()

    async def read_line(self, longest: int, too_long: str) -> bytes:
        """Return the next line without its CRLF."""
        while (line := self._buffer.take_line(longest, too_long)) is None:
            await self._receive_more()
        return line

    async def read_exactly(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        while len(self._buffer) < size:
            await self._receive_more()
        return self._buffer.take(size)

    async def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self._writer.write(data)
        await self._writer.drain()

    async def linger(self) -> None:
        """Close our side, then listen until the client closes its own.

        Closing a socket with unread input makes the kernel send a reset, and a reset may destroy
        the answer before the client has read it (RFC 9112, section 9.6). So read, and forget.
        """
        with suppress(OSError):
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_SECONDS):
                while await self._receive():
                    self._buffer = InputBuffer()

    def abort(self) -> None:
        """Close at once; whoever waits here wakes up to an end of input."""
        self._writer.transport.abort()

    async def _receive_more(self) -> None:
        if not await self._receive():
            raise malformed("The connection ended in the middle of a request.")

    async def _receive(self) -> bool:
        data = await self._reader.read(RECEIVE_BYTES)
        self._buffer.feed(data)
        return bool(data)
