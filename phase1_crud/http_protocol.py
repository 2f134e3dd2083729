"""Uvicorn's HTTP protocol, made to send the head and the body of an answer in one go."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class OneWriteProtocol(HttpToolsProtocol):
    """Uvicorn writes head and body apart: two system calls, two packets, two wake-ups over there.

    For an answer of some hundred bytes that is the most expensive thing the service does.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] -- uvicorn narrows it as well
        """Stand between the protocol and its transport."""
        super().connection_made(GatheringTransport(transport))  # pyright: ignore[reportArgumentType] -- quacks like one


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
