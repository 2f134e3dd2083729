"""Who at which provider opens which account, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store


class InMemoryIdentities:
    """Who at which provider opens which account."""

    def __init__(self, store: Store) -> None:
        self._store = store
