"""What is over and may be forgotten, in PostgreSQL."""

from datetime import datetime
from typing import LiteralString

from psycopg import AsyncConnection

# What is deleted of each kind. A used refresh token that has expired would be refused all the same,
# so nothing is lost with it; its successor's `parent` still names it, and may.
EXPIRED: dict[str, LiteralString] = {
    "sessions": """
        DELETE FROM sessions
         WHERE id IN (SELECT id
                        FROM sessions
                       WHERE expires_at <= %(now)s
                       ORDER BY expires_at
                       LIMIT %(at_once)s
                         FOR UPDATE SKIP LOCKED)
        """,
    "refresh tokens": """
        DELETE FROM refresh_tokens
         WHERE hash IN (SELECT hash
                          FROM refresh_tokens
                         WHERE expires_at <= %(now)s
                         ORDER BY expires_at
                         LIMIT %(at_once)s
                           FOR UPDATE SKIP LOCKED)
        """,
    "denials": """
        DELETE FROM revoked_tokens
         WHERE jti IN (SELECT jti
                         FROM revoked_tokens
                        WHERE expires_at <= %(now)s
                        ORDER BY expires_at
                        LIMIT %(at_once)s
                          FOR UPDATE SKIP LOCKED)
        """,
    "unfinished logins": """
        DELETE FROM oauth_logins
         WHERE state_hash IN (SELECT state_hash
                                FROM oauth_logins
                               WHERE expires_at <= %(now)s
                               ORDER BY expires_at
                               LIMIT %(at_once)s
                                 FOR UPDATE SKIP LOCKED)
        """,
}


class PostgresRetention:
    """The tables that would grow for ever; SKIP LOCKED leaves to others what they are at."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def forget_expired(self, what: str, now: datetime, at_once: int) -> int:
        """Delete some of what has expired of one kind, and return how many."""
        cursor = await self._conn.execute(EXPIRED[what], {"now": now, "at_once": at_once})
        return cursor.rowcount

    async def forget_keys(self, kept: str, at_once: int) -> int:
        """Delete some old keys and return how many."""
        cursor = await self._conn.execute(
            """
            DELETE FROM idempotency_keys
             WHERE (user_id, key) IN (SELECT user_id, key
                                        FROM idempotency_keys
                                       WHERE created_at < now() - %(kept)s::interval
                                       ORDER BY created_at
                                       LIMIT %(at_once)s
                                         FOR UPDATE SKIP LOCKED)
            """,
            {"kept": kept, "at_once": at_once},
        )
        return cursor.rowcount
