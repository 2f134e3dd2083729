"""Logins through a provider that are under way, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.logins import Login


class PostgresLogins:
    """The oauth_logins table."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, state_hash: bytes, login: Login, expires_at: datetime) -> None:
        """Write down a login that begins."""
        await self._conn.execute(
            """
            INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
            VALUES (%(state_hash)s, %(nonce)s, %(code_verifier)s, %(return_to)s, %(expires_at)s)
            """,
            {"state_hash": state_hash, **asdict(login), "expires_at": expires_at},
        )

    async def take(self, state_hash: bytes, at: datetime) -> Login | None:
        """Take a login away; of two who want the same one, DELETE gives it to one."""
        cursor = await self._conn.cursor(row_factory=class_row(Login)).execute(
            """
            DELETE FROM oauth_logins
             WHERE state_hash = %(state_hash)s
               AND expires_at > %(at)s
            RETURNING nonce, code_verifier, return_to
            """,
            {"state_hash": state_hash, "at": at},
        )
        return await cursor.fetchone()
