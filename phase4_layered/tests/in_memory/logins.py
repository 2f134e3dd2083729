"""Logins through a provider that are under way, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from phase4_layered.domain.logins import Login

    from .store import Store


class InMemoryLogins:
    """The oauth_logins table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, state_hash: bytes, login: Login, expires_at: datetime) -> None:
        """Write down a login that begins."""
        self._store.tables.oauth_logins[state_hash] = (login, expires_at)

    async def take(self, state_hash: bytes, at: datetime) -> Login | None:
        """Take a login away; one that has expired stays, for those who clean up."""
        logins = self._store.tables.oauth_logins
        login, expires_at = logins.get(state_hash, (None, at))
        if login is None or expires_at <= at:
            return None
        del logins[state_hash]
        return login
