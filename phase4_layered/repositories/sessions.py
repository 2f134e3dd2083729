"""Sessions, in PostgreSQL, and the access tokens that are denied because theirs has ended."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import scalar_row

from ..domain.accounts import Account
from ..domain.sessions import TO_THE, Session
from .sql import array


class PostgresSessions:
    """The sessions table and revoked_tokens."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def by_cookies(self, hashes: Sequence[bytes]) -> dict[bytes, Session | None]:
        """Find sessions with their users' roles; a cookie that opens nothing has None."""
        cursor = await self._conn.execute(
            """
            SELECT sessions.cookie_hash, sessions.id, sessions.user_id, users.role,
                   sessions.last_used_at, sessions.expires_at
              FROM sessions
              JOIN users ON users.id = sessions.user_id
             WHERE sessions.cookie_hash = ANY(%(hashes)s::bytea[])
            """,
            {"hashes": list(hashes)},
        )
        found: dict[bytes, Session | None] = dict.fromkeys(hashes)
        for cookie_hash, *columns in await cursor.fetchall():
            found[cookie_hash] = Session(*columns)
        return found

    async def touch(self, session_id: int, at: datetime) -> None:
        """Note that a session was used; of many requests at once, the first has done it for all."""
        await self._conn.execute(
            """
            UPDATE sessions
               SET last_used_at = %(at)s
             WHERE id = %(id)s
               AND last_used_at <= %(at)s - %(to_the)s
            """,
            {"id": session_id, "at": at, "to_the": TO_THE},
        )

    async def open(
        self, account: Account, cookie_hash: bytes, at: datetime, expires_at: datetime
    ) -> bool:
        """Open a session with a cookie, unless the password has changed since it was looked at.

        Looking at a password takes a quarter of a second, in which its owner may change it and end
        all sessions. FOR SHARE waits for that change to be committed, and makes it wait for us.
        """
        cursor = await self._conn.execute(
            """
            INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at)
            SELECT id, %(cookie_hash)s, %(at)s, %(at)s, %(expires_at)s
              FROM users
             WHERE id = %(user_id)s
               AND password_version = %(password_version)s
               FOR SHARE
            """,
            {
                "user_id": account.id,
                "password_version": account.password_version,
                "cookie_hash": cookie_hash,
                "at": at,
                "expires_at": expires_at,
            },
        )
        return cursor.rowcount == 1

    async def of_token(self, jti: UUID) -> int | None:
        """Find the session of an access token, which doesn't tell its id; None if it has ended."""
        cursor = await self._conn.cursor(row_factory=scalar_row).execute(
            """
            SELECT session_id
              FROM refresh_tokens
             WHERE access_jti = %(jti)s
            """,
            {"jti": jti},
        )
        return await cursor.fetchone()

    async def lock(self, session_id: int | None) -> list[int]:
        """Lock a session, if it still lives."""
        cursor = await self._conn.cursor(row_factory=scalar_row).execute(
            """
            SELECT id
              FROM sessions
             WHERE id = %(id)s
               FOR UPDATE
            """,
            {"id": session_id},
        )
        return await cursor.fetchall()

    async def lock_by_cookie(self, cookie_hash: bytes) -> list[int]:
        """Lock the session that a cookie opens, if it still lives."""
        cursor = await self._conn.cursor(row_factory=scalar_row).execute(
            """
            SELECT id
              FROM sessions
             WHERE cookie_hash = %(cookie_hash)s
               FOR UPDATE
            """,
            {"cookie_hash": cookie_hash},
        )
        return await cursor.fetchall()

    async def lock_of_user(self, user_id: int) -> list[int]:
        """Lock all sessions of a user, in the order of their ids."""
        cursor = await self._conn.cursor(row_factory=scalar_row).execute(
            """
            SELECT id
              FROM sessions
             WHERE user_id = %(user_id)s
             ORDER BY id
               FOR UPDATE
            """,
            {"user_id": user_id},
        )
        return await cursor.fetchall()

    async def deny(self, sessions: Sequence[int], at: datetime) -> None:
        """Deny every access token of these sessions that has not expired by itself."""
        await self._conn.execute(
            """
            INSERT INTO revoked_tokens (jti, expires_at)
            SELECT access_jti, access_expires_at
              FROM refresh_tokens
             WHERE session_id = ANY(%(sessions)s::bigint[])
               AND access_expires_at > %(at)s
            """,
            {"sessions": array(sessions), "at": at},
        )

    async def remove(self, sessions: Sequence[int]) -> None:
        """End sessions; their refresh tokens go with them."""
        await self._conn.execute(
            "DELETE FROM sessions WHERE id = ANY(%(sessions)s::bigint[])",
            {"sessions": array(sessions)},
        )
