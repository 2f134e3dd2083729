"""Bytes that arrived but were not asked for yet: half a line, or the next three requests.

TCP keeps the order of the bytes and nothing else. A request may come in one piece, in one piece
per byte, or together with the next one; only the grammar says where it ends.
"""

from .errors import ServiceError
from .http_syntax import malformed


class InputBuffer:
    """A queue of bytes that gives out whole lines and counted blocks."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        """Return how many bytes are waiting."""
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Append what the socket delivered."""
        self._bytes += data

    def take(self, size: int) -> bytes:
        """Remove and return the first `size` bytes, or all if there are fewer."""
        taken = bytes(self._bytes[:size])
        del self._bytes[:size]
        return taken

    def take_line(self, longest: int, too_long: str) -> bytes | None:
        """Remove and return the first line without its CRLF; None if its end has not come yet.

        A line of more than `longest` bytes is refused, with the code `too_long`, before it is
        complete: otherwise a client could fill the memory with a line that never ends.
        """
        end = self._bytes.find(b"\n", 0, longest)
        if end >= 0:
            line = self.take(end + 1)
            if not line.endswith(b"\r\n"):
                raise malformed("A line must end with CR LF.")
            return line[:-2]
        if len(self._bytes) >= longest:
            raise ServiceError(too_long, f"More than {longest} bytes without an end.")
        return None
