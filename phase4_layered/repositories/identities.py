"""Identities at a provider, in PostgreSQL."""

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.accounts import Account


class PostgresIdentities:
    """The identities table."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def account_of(self, issuer: str, subject: str) -> Account | None:
        """Find the account of an identity."""
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            SELECT users.id, users.email, users.password_hash, users.password_version
              FROM identities
              JOIN users ON users.id = identities.user_id
             WHERE identities.issuer = %(issuer)s
               AND identities.subject = %(subject)s
            """,
            {"issuer": issuer, "subject": subject},
        )
        return await cursor.fetchone()

    async def add(self, issuer: str, subject: str, user_id: int) -> bool:
        """Note whose account an identity opens; False if somebody has just done so.

        An account that another one of this provider opens breaks `identities_user_id_issuer_key`:
        the e-mail is the same, and the person need not be.
        """
        cursor = await self._conn.execute(
            """
            INSERT INTO identities (issuer, subject, user_id)
            VALUES (%(issuer)s, %(subject)s, %(user_id)s)
            ON CONFLICT (issuer, subject) DO NOTHING
            """,
            {"issuer": issuer, "subject": subject, "user_id": user_id},
        )
        return cursor.rowcount == 1

    async def remove_all(self, user_id: int) -> None:
        """Part an account from all identities."""
        await self._conn.execute("DELETE FROM identities WHERE user_id = %(id)s", {"id": user_id})
