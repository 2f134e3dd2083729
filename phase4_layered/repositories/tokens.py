"""Refresh tokens, in PostgreSQL, and the roles that access tokens stand for."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row

from ..domain.accounts import Account
from ..domain.sessions import Exchange, Issued, Validity


class PostgresTokens:
    """The refresh_tokens table."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def roles(self, asked: Sequence[tuple[int, UUID]]) -> dict[tuple[int, UUID], str | None]:
        """Find the role of each token's user; None if the token was denied or the user is gone."""
        cursor = await self._conn.execute(
            """
            SELECT asked.user_id, asked.jti, users.role
              FROM unnest(%(users)s::bigint[], %(jtis)s::uuid[]) AS asked (user_id, jti)
              JOIN users ON users.id = asked.user_id
             WHERE NOT EXISTS (SELECT
                                 FROM revoked_tokens
                                WHERE revoked_tokens.jti = asked.jti)
            """,
            {"users": [user_id for user_id, _ in asked], "jtis": [jti for _, jti in asked]},
        )
        found: dict[tuple[int, UUID], str | None] = dict.fromkeys(asked)
        for user_id, jti, role in await cursor.fetchall():
            found[user_id, jti] = role
        return found

    async def open_family(
        self, account: Account, token_hash: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Open a session with its first token; None if the password was changed meanwhile.

        Looking at a password takes a quarter of a second, in which its owner may change it and end
        all sessions. FOR SHARE waits for that change to be committed, and makes it wait for us.
        """
        cursor = await self._conn.cursor(row_factory=class_row(Issued)).execute(
            """
            WITH opened AS (
                INSERT INTO sessions (user_id, created_at, last_used_at, expires_at)
                SELECT id, %(at)s, %(at)s, %(session_expires_at)s
                  FROM users
                 WHERE id = %(user_id)s
                   AND password_version = %(password_version)s
                   FOR SHARE
                RETURNING id, user_id
            ), first AS (
                INSERT INTO refresh_tokens
                       (hash, session_id, access_jti, issued_at, access_expires_at, expires_at)
                SELECT %(hash)s, id, %(jti)s, %(at)s, %(access_expires_at)s, %(expires_at)s
                  FROM opened
                RETURNING access_jti, issued_at, access_expires_at
            )
            SELECT opened.user_id, first.access_jti, first.issued_at, first.access_expires_at
              FROM opened
             CROSS JOIN first
            """,
            {
                **asdict(validity),
                "user_id": account.id,
                "password_version": account.password_version,
                "hash": token_hash,
                "jti": jti,
            },
        )
        return await cursor.fetchone()

    async def exchange(
        self, parent: bytes, successor: bytes, seed: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Exchange a token for its successor; None if it is unknown, expired or used.

        Of those who try at once, `refresh_tokens_parent_key` lets one through and makes the others
        wait until that one is done. A session that is ended meanwhile breaks the foreign key, and
        it is as if it had been ended before.
        """
        try:
            cursor = await self._conn.cursor(row_factory=class_row(Issued)).execute(
                """
                WITH next AS (
                    INSERT INTO refresh_tokens (hash, session_id, parent, seed, access_jti,
                                                issued_at, access_expires_at, expires_at)
                    SELECT %(hash)s, sessions.id, token.hash, %(seed)s, %(jti)s, %(at)s,
                           LEAST(%(access_expires_at)s, sessions.expires_at),
                           LEAST(%(expires_at)s, sessions.expires_at)
                      FROM refresh_tokens AS token
                      JOIN sessions ON sessions.id = token.session_id
                     WHERE token.hash = %(parent)s
                       AND token.expires_at > %(at)s
                    ON CONFLICT (parent) DO NOTHING
                    RETURNING session_id, access_jti, issued_at, access_expires_at
                )
                SELECT sessions.user_id, next.access_jti, next.issued_at, next.access_expires_at
                  FROM next
                  JOIN sessions ON sessions.id = next.session_id
                """,
                {
                    **asdict(validity),
                    "parent": parent,
                    "seed": seed,
                    "hash": successor,
                    "jti": jti,
                },
            )
        except ForeignKeyViolation:
            return None
        return await cursor.fetchone()

    async def exchanged(self, token_hash: bytes, at: datetime) -> Exchange | None:
        """Look up what a token was exchanged for; None if it never was, or its session is over."""
        cursor = await self._conn.execute(
            """
            SELECT next.session_id, sessions.user_id, next.access_jti, next.issued_at,
                   next.access_expires_at, next.seed,
                   EXISTS (SELECT FROM refresh_tokens AS after WHERE after.parent = next.hash)
              FROM refresh_tokens AS next
              JOIN sessions ON sessions.id = next.session_id
             WHERE next.parent = %(hash)s
               AND sessions.expires_at > %(at)s
            """,
            {"hash": token_hash, "at": at},
        )
        row = await cursor.fetchone()
        if row is None:
            return None
        session_id, user_id, jti, issued_at, access_expires_at, seed, successor_used = row
        issued = Issued(user_id, jti, issued_at, access_expires_at)
        return Exchange(session_id, issued, seed, successor_used)
