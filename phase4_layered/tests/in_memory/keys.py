"""Idempotency keys, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phase4_layered.domain.errors import invalid_token
from phase4_layered.domain.idempotency import Known

from .store import KeyRow

if TYPE_CHECKING:
    from phase4_layered.domain.idempotency import Attempt

    from .store import Store, Tables


class InMemoryKeys:
    """The idempotency_keys table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def lock(self, attempt: Attempt) -> bool:  # noqa: ARG002 -- it is part of the promise
        """Be the only one who uses a key, as a unit of work has everything for itself."""
        return True

    async def get(self, attempt: Attempt) -> Known | None:
        """Look up what a key was used for; another user's key of the same letters is another."""
        row = self._store.tables.keys.get((attempt.user_id, attempt.key))
        return row and row.known

    async def add(self, attempt: Attempt, movement_id: int) -> None:
        """Write down which movement this attempt has made."""
        refuse_nobody(self._store.tables, attempt)
        write_down(self._store, attempt, Known(attempt.fingerprint, None, movement_id))


def refuse_nobody(tables: Tables, attempt: Attempt) -> None:
    """Refuse a user who was removed while the request was on its way."""
    if attempt.user_id not in tables.users:
        raise invalid_token()


def write_down(store: Store, attempt: Attempt, made: Known) -> None:
    """Remember what a key was used for."""
    store.tables.keys[attempt.user_id, attempt.key] = KeyRow(made, store.clock())
