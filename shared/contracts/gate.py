"""Lets many requests arrive in the same instant: all but the last byte of each goes ahead.

Threads that a barrier releases still take turns in building and sending their requests, so that a
fast server is done with the first before the last has left. The server can do nothing with a
request whose last byte is missing, and a single byte is sent in no time.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

PATIENCE = 1.0
"""Seconds to wait for the others: a server with one thread may let them in one after the other."""

_thread = threading.local()


class Gate:
    """Opens whenever `n` requests stand before it; after a moment in vain, for good."""

    def __init__(self, n: int) -> None:
        self._barrier = threading.Barrier(n)

    @contextmanager
    def before_the_first_request(self) -> Generator[None]:
        """Let this thread's next request stop at the gate."""
        _thread.gate = self
        try:
            yield
        finally:
            _thread.gate = None

    @contextmanager
    def left_open_by_who_fails(self) -> Generator[None]:
        """Let the others go on if this thread won't come again."""
        try:
            yield
        except BaseException:
            self._barrier.abort()
            raise

    def wait(self) -> None:
        """Wait for the others."""
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(PATIENCE)


def take_gate() -> Gate | None:
    """Return the gate at which this thread's request is to stop; the next one won't."""
    gate: Gate | None = getattr(_thread, "gate", None)
    _thread.gate = None
    return gate


@contextmanager
def passed_by() -> Generator[None]:
    """Let this thread's requests in here go through: they prepare for the one that is to stop."""
    gate = take_gate()
    try:
        yield
    finally:
        _thread.gate = gate


def hold_back(request: httpx.Request, gate: Gate) -> None:
    """Let a request stop before its last byte or, if it has no body, before its first one."""
    if content := request.content:
        request.stream = _LastByteLater(content, gate)
    else:
        request.extensions["trace"] = partial(_stop_before_the_head, gate)


class _LastByteLater(httpx.SyncByteStream):
    """A body whose last byte is sent once the gate is open."""

    def __init__(self, content: bytes, gate: Gate) -> None:
        self._content = content
        self._gate = gate

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[:-1]
        self._gate.wait()
        yield self._content[-1:]


def _stop_before_the_head(gate: Gate, event: str, _: object) -> None:
    """Wait where the connection is open and the request is made: sending is all that is left."""
    if event == "http11.send_request_headers.started":
        gate.wait()
