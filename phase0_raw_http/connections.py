"""Who is connected, and who keeps the server waiting.

A connection costs a thread, or at least memory, so their number is limited. A limit alone would
hand the server to whoever opens that many connections and says nothing. Hence the second rule:
when the house is full, a newcomer takes the place of the one who has kept us waiting longest,
be it for a request, for the rest of one, or for reading an answer. Slow clients lose their place
to new ones; a client that talks keeps moving to the end of that queue.
"""

import threading
from collections.abc import Callable, Hashable
from enum import Enum, auto

GRACE_SECONDS = 0.1


class Phase(Enum):
    """What a connection is doing."""

    IDLE = auto()  # nothing of a request has arrived
    RECEIVING = auto()  # part of a request has
    WORKING = auto()  # the route is at work
    SENDING = auto()  # the client has yet to take the answer
    CLOSING = auto()  # answered; the client has yet to close its side


class HungUpError(ConnectionError):
    """This connection was closed from our side while its thread or task was waiting."""


class Connections:
    """The open connections in order of their last change of phase. Threads may share it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = threading.Condition()
        self._phases: dict[Hashable, Phase] = {}
        self._hang_up: dict[Hashable, Callable[[], object]] = {}
        self._draining = False

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop, so that no connection shall be kept alive."""
        return self._draining

    def admit(self, key: Hashable, hang_up: Callable[[], object]) -> bool:
        """Let a connection in; False if the house is full of connections at work.

        `hang_up` must close it so that whoever waits on it wakes up; any thread may call it.
        """
        with self._changed:
            if len(self._phases) >= self._limit and not self._evict_longest_waiting():
                return False
            self._phases[key] = Phase.IDLE
            self._hang_up[key] = hang_up
            return True

    def enter(self, key: Hashable, phase: Phase) -> None:
        """Note that a connection goes over to `phase`; raise HungUpError if it lost its place."""
        with self._changed:
            if self._phases.pop(key, None) is None or (self._draining and phase is Phase.IDLE):
                raise HungUpError
            self._phases[key] = phase  # now at the end: a dict keeps the order of insertion

    def leave(self, key: Hashable) -> None:
        """Forget a connection; nothing happens if it was hung up before."""
        with self._changed:
            self._forget(key)

    def drain(self, seconds: float) -> None:
        """Block until every request under way is answered, but no longer than `seconds`.

        Idle connections are hung up on, after a moment: a request may be in the kernel's hands
        already although its thread or task has not read the first byte.
        """
        with self._changed:
            self._draining = True
            self._changed.wait_for(lambda: not self._phases, GRACE_SECONDS)
            for key, phase in list(self._phases.items()):
                if phase in {Phase.IDLE, Phase.CLOSING}:
                    self._forget(key)()
            self._changed.wait_for(lambda: not self._phases, seconds)

    def _evict_longest_waiting(self) -> bool:
        for key, phase in self._phases.items():
            if phase is not Phase.WORKING:
                self._forget(key)()
                return True
        return False

    def _forget(self, key: Hashable) -> Callable[[], object]:
        self._phases.pop(key, None)
        self._changed.notify_all()
        return self._hang_up.pop(key, lambda: None)
