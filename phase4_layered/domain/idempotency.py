"""Requests that may be sent twice and count once (draft-ietf-httpapi-idempotency-key-header-07).

A client that got no answer cannot know whether its order was placed. So it sends a key along, and
repeats the request with the same key until there is an answer. The key is written by the very
transaction that has the effect: either both are there or neither is.
"""

from dataclasses import dataclass

from .errors import Conflict, KeyReused


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that asks to be counted once: whose, its key, and a digest of what it asks for."""

    user_id: int
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """What a key was used for, and what that made."""

    fingerprint: bytes
    order_id: int | None
    movement_id: int | None


class RequestInFlight(Conflict):
    """Another request is using the key right now."""

    retry_after = 1

    def __init__(self) -> None:
        super().__init__(
            "request_in_flight",
            "A request with this Idempotency-Key is under way. Try again for its answer.",
        )


def refuse_misuse(attempt: Attempt, known: Known | None, *, ours: bool) -> None:
    """Refuse a key that another request is using now, or that was used for something else.

    After this a key that is known is the key of a retry, and one that is not is ours to use.
    """
    if known is None and not ours:
        raise RequestInFlight
    if known is not None and known.fingerprint != attempt.fingerprint:
        raise KeyReused(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new one.",
        )
