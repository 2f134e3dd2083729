"""Sessions, in memory, and the access tokens that are denied because theirs has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.sessions import TO_THE, Session

from .accounts import as_looked_at
from .store import SessionRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from phase4_layered.domain.accounts import Account

    from .store import Store, Tables


class InMemorySessions:
    """The sessions table and revoked_tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def by_cookies(self, hashes: Sequence[bytes]) -> dict[bytes, Session | None]:
        """Find sessions with their users' roles; a cookie that opens nothing has None."""
        tables = self._store.tables
        found: dict[bytes, Session | None] = dict.fromkeys(hashes)
        for row in tables.sessions.values():
            if row.cookie_hash in found:
                role = tables.users[row.user_id].role
                found[row.cookie_hash] = Session(
                    row.id, row.user_id, role, row.last_used_at, row.expires_at
                )
        return found

    async def touch(self, session_id: int, at: datetime) -> None:
        """Note that a session was used, to the minute."""
        sessions = self._store.tables.sessions
        row = sessions.get(session_id)
        if row is not None and row.last_used_at <= at - TO_THE:
            sessions[session_id] = replace(row, last_used_at=at)

    async def open(
        self, account: Account, cookie_hash: bytes, at: datetime, expires_at: datetime
    ) -> bool:
        """Open a session with a cookie; False if the password is not the one that was looked at."""
        tables = self._store.tables
        if as_looked_at(tables, account) is None:
            return False
        row = SessionRow(self._store.next_id(), account.id, cookie_hash, at, expires_at)
        tables.sessions[row.id] = row
        return True

    async def of_token(self, jti: UUID) -> int | None:
        """Find the session of an access token; None if it has ended."""
        tokens = self._store.tables.refresh_tokens.values()
        return next((token.session_id for token in tokens if token.access_jti == jti), None)

    async def lock(self, session_id: int | None) -> list[int]:
        """Find a session, if it still lives; whoever has the store for himself needs no lock."""
        return [each for each in self._store.tables.sessions if each == session_id]

    async def lock_by_cookie(self, cookie_hash: bytes) -> list[int]:
        """Find the session that a cookie opens, if it still lives."""
        sessions = self._store.tables.sessions.values()
        return [row.id for row in sessions if row.cookie_hash == cookie_hash]

    async def lock_of_user(self, user_id: int) -> list[int]:
        """Find all sessions of a user, in the order of their ids."""
        sessions = self._store.tables.sessions.values()
        return sorted(row.id for row in sessions if row.user_id == user_id)

    async def deny(self, sessions: Sequence[int], at: datetime) -> None:
        """Deny every access token of these sessions that has not expired by itself."""
        tables = self._store.tables
        for token in tables.refresh_tokens.values():
            if token.session_id in sessions and token.access_expires_at > at:
                tables.revoked_tokens[token.access_jti] = token.access_expires_at

    async def remove(self, sessions: Sequence[int]) -> None:
        """Remove sessions, and their refresh tokens with them."""
        remove_sessions(self._store.tables, sessions)


def remove_sessions(tables: Tables, ended: Sequence[int]) -> None:
    """Remove sessions, and their refresh tokens with them (ON DELETE CASCADE)."""
    for each in ended:
        tables.sessions.pop(each, None)
    for hashed, token in list(tables.refresh_tokens.items()):
        if token.session_id in ended:
            del tables.refresh_tokens[hashed]
