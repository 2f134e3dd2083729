"""How people log in, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store


class InMemoryAccounts:
    """How people log in."""

    def __init__(self, store: Store) -> None:
        self._store = store
