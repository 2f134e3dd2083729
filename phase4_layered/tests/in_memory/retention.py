"""What is over, and may be forgotten, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store


class InMemoryRetention:
    """What is over, and may be forgotten."""

    def __init__(self, store: Store) -> None:
        self._store = store
