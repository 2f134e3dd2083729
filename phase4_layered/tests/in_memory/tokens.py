"""Refresh tokens, in memory, and the roles that access tokens stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phase4_layered.domain.sessions import Exchange, Issued

from .accounts import as_looked_at
from .store import RefreshTokenRow, SessionRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from phase4_layered.domain.accounts import Account
    from phase4_layered.domain.sessions import Validity

    from .store import Store, Tables


class InMemoryTokens:
    """The refresh_tokens table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def roles(self, asked: Sequence[tuple[int, UUID]]) -> dict[tuple[int, UUID], str | None]:
        """Find the role of each token's user; None if the token was denied or the user is gone."""
        tables = self._store.tables
        found: dict[tuple[int, UUID], str | None] = dict.fromkeys(asked)
        for user_id, jti in asked:
            if user_id in tables.users and jti not in tables.revoked_tokens:
                found[user_id, jti] = tables.users[user_id].role
        return found

    async def open_family(
        self, account: Account, token_hash: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Open a session with its first token; None if the password has changed meanwhile."""
        tables = self._store.tables
        if as_looked_at(tables, account) is None:
            return None
        session = SessionRow(
            self._store.next_id(), account.id, None, validity.at, validity.session_expires_at
        )
        tables.sessions[session.id] = session
        token = RefreshTokenRow(
            session.id,
            parent=None,
            seed=None,
            access_jti=jti,
            issued_at=validity.at,
            access_expires_at=validity.access_expires_at,
            expires_at=validity.expires_at,
        )
        tables.refresh_tokens[token_hash] = token
        return issued_by(tables, token)

    async def exchange(
        self, parent: bytes, successor: bytes, seed: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Exchange a token for its successor; None if it is unknown, expired or used."""
        tables = self._store.tables
        token = tables.refresh_tokens.get(parent)
        if token is None or token.expires_at <= validity.at or successor_to(tables, parent):
            return None
        session = tables.sessions[token.session_id]
        after = RefreshTokenRow(
            session.id,
            parent,
            seed,
            jti,
            issued_at=validity.at,
            access_expires_at=min(validity.access_expires_at, session.expires_at),
            expires_at=min(validity.expires_at, session.expires_at),
        )
        tables.refresh_tokens[successor] = after
        return issued_by(tables, after)

    async def exchanged(self, token_hash: bytes, at: datetime) -> Exchange | None:
        """Look up what a token was exchanged for; None if it never was, or its session is over."""
        tables = self._store.tables
        successor = successor_to(tables, token_hash)
        if successor is None:
            return None
        hashed, after = successor
        if tables.sessions[after.session_id].expires_at <= at:
            return None
        assert after.seed is not None, "refresh_tokens_seed_check"
        used = successor_to(tables, hashed) is not None
        return Exchange(after.session_id, issued_by(tables, after), after.seed, used)


def successor_to(tables: Tables, parent: bytes) -> tuple[bytes, RefreshTokenRow] | None:
    """Find the token that was given for another, and its hash."""
    rows = tables.refresh_tokens.items()
    return next(((hashed, row) for hashed, row in rows if row.parent == parent), None)


def issued_by(tables: Tables, token: RefreshTokenRow) -> Issued:
    """Tell what was handed out with a token, and to whom."""
    user_id = tables.sessions[token.session_id].user_id
    return Issued(user_id, token.access_jti, token.issued_at, token.access_expires_at)
