"""Logins through a provider that are under way, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store


class InMemoryLogins:
    """Logins through a provider that are under way."""

    def __init__(self, store: Store) -> None:
        self._store = store
