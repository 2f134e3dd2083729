"""Idempotency keys, in PostgreSQL."""

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.idempotency import Attempt, Known
from .sql import the_row


class PostgresKeys:
    """The idempotency_keys table, and a lock for each key that there may be."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def lock(self, attempt: Attempt) -> bool:
        """Try to be the only one who uses a key until this transaction ends; tell whether we are.

        A lock on a number made of the key (advisory: PostgreSQL doesn't know what it stands for) is
        granted at once or not at all. The row alone would make a second request wait for the first
        one's COMMIT, with a connection in its hand.
        """
        cursor = await self._conn.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%(key)s, %(user_id)s))",
            {"user_id": attempt.user_id, "key": attempt.key},
        )
        return (await the_row(cursor))[0]

    async def get(self, attempt: Attempt) -> Known | None:
        """Look up what a key was used for.

        Another user's key of the same letters is another key.
        """
        cursor = await self._conn.cursor(row_factory=class_row(Known)).execute(
            """
            SELECT fingerprint, order_id, movement_id
              FROM idempotency_keys
             WHERE user_id = %(user_id)s
               AND key = %(key)s
            """,
            {"user_id": attempt.user_id, "key": attempt.key},
        )
        return await cursor.fetchone()

    async def add(self, attempt: Attempt, movement_id: int) -> None:
        """Write down that this was done, so that it is not done again."""
        await self._conn.execute(
            """
            INSERT INTO idempotency_keys (user_id, key, fingerprint, movement_id)
            VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(movement_id)s)
            """,
            {
                "user_id": attempt.user_id,
                "key": attempt.key,
                "fingerprint": attempt.fingerprint,
                "movement_id": movement_id,
            },
        )
