"""Accounts, in PostgreSQL: what of a user is for logging in and for what they may do."""

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.accounts import Account, Promoted, SignUp
from ..domain.users import User
from .sql import the_row


class PostgresAccounts:
    """The columns of `users` that nobody is shown."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def add(self, new: SignUp, password_hash: str) -> User:
        """Add a user with a password; an e-mail that is taken breaks `users_email_key`."""
        cursor = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            INSERT INTO users (name, email, password_hash)
            VALUES (%(name)s, %(email)s, %(password_hash)s)
            RETURNING id, name, email, role, created_at
            """,
            {"name": new.name, "email": new.email, "password_hash": password_hash},
        )
        return await the_row(cursor)

    async def add_vouched_for(self, email: str, name: str) -> Account | None:
        """Add a user without a password, whose e-mail was vouched for; None if there is one.

        ON CONFLICT waits for a transaction that is adding the same e-mail, and then does nothing.
        """
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            INSERT INTO users (name, email, email_verified)
            VALUES (%(name)s, %(email)s, true)
            ON CONFLICT (lower(email)) DO NOTHING
            RETURNING id, email, password_hash, password_version
            """,
            {"name": name, "email": email},
        )
        return await cursor.fetchone()

    async def add_admin(self, new: SignUp, password_hash: str) -> bool:
        """Add an admin; False if there is somebody with the e-mail, since a moment ago perhaps."""
        cursor = await self._conn.execute(
            """
            INSERT INTO users (name, email, role, password_hash)
            VALUES (%(name)s, %(email)s, 'admin', %(password_hash)s)
            ON CONFLICT (lower(email)) DO NOTHING
            """,
            {"name": new.name, "email": new.email, "password_hash": password_hash},
        )
        return cursor.rowcount == 1

    async def get(self, user_id: int) -> Account | None:
        """Find the account of a user."""
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            SELECT id, email, password_hash, password_version
              FROM users
             WHERE id = %(id)s
            """,
            {"id": user_id},
        )
        return await cursor.fetchone()

    async def by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail, in any case."""
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            SELECT id, email, password_hash, password_version
              FROM users
             WHERE lower(email) = lower(%(email)s)
            """,
            {"email": email},
        )
        return await cursor.fetchone()

    async def lock_by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail, in any case, and keep it as it is until we are done."""
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            SELECT id, email, password_hash, password_version
              FROM users
             WHERE lower(email) = lower(%(email)s)
               FOR UPDATE
            """,
            {"email": email},
        )
        return await cursor.fetchone()

    async def change_password(self, account: Account, password_hash: str) -> bool:
        """Put a new password in the place of the one that was looked at; False if that is gone."""
        cursor = await self._conn.execute(
            """
            UPDATE users
               SET password_hash = %(password_hash)s,
                   password_version = password_version + 1
             WHERE id = %(id)s
               AND password_version = %(version)s
            """,
            {"id": account.id, "version": account.password_version, "password_hash": password_hash},
        )
        return cursor.rowcount == 1

    async def rehash(self, account: Account, dearer: str) -> None:
        """Put another hash of the same password in the place of the one that was looked at.

        If that is no longer there, the password has been changed, and the change stays.
        """
        await self._conn.execute(
            """
            UPDATE users
               SET password_hash = %(dearer)s
             WHERE id = %(id)s
               AND password_hash = %(looked_at)s
            """,
            {"id": account.id, "looked_at": account.password_hash, "dearer": dearer},
        )

    async def vouch_for(self, user_id: int) -> Account | None:
        """Note that the e-mail is vouched for, and remove the password; None if it was before."""
        cursor = await self._conn.cursor(row_factory=class_row(Account)).execute(
            """
            UPDATE users
               SET email_verified = true,
                   password_hash = NULL,
                   password_version = password_version + 1
             WHERE id = %(id)s
               AND NOT email_verified
            RETURNING id, email, password_hash, password_version
            """,
            {"id": user_id},
        )
        return await cursor.fetchone()

    async def change_role(self, user_id: int, role: str) -> User | None:
        """Change a user's role, unless that would leave nobody to change it back.

        Two admins who demote each other at once: both go through the admins in the order of their
        ids, and lock each until there is one who would stay. So both begin with the same row, and
        the second waits there, is shown the admins as the first has left them, and finds himself
        the last.
        """
        cursor = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            WITH admins AS MATERIALIZED (
                SELECT id
                  FROM users
                 WHERE role = 'admin'
                 ORDER BY id
                   FOR NO KEY UPDATE
            )
            UPDATE users
               SET role = %(role)s
             WHERE id = %(id)s
               AND (role <> 'admin'
                    OR %(role)s = 'admin'
                    OR EXISTS (SELECT FROM admins WHERE admins.id <> %(id)s))
            RETURNING id, name, email, role, created_at
            """,
            {"id": user_id, "role": role},
        )
        return await cursor.fetchone()

    async def promote(self, email: str) -> Promoted | None:
        """Make a user an admin; None if there is none with this e-mail."""
        cursor = await self._conn.cursor(row_factory=class_row(Promoted)).execute(
            """
            WITH before AS (
                SELECT id, role, email_verified
                  FROM users
                 WHERE lower(email) = lower(%(email)s)
                   FOR NO KEY UPDATE
            )
            UPDATE users
               SET role = 'admin'
              FROM before
             WHERE users.id = before.id
            RETURNING users.id, before.role <> 'admin' AND NOT before.email_verified AS unproven
            """,
            {"email": email},
        )
        return await cursor.fetchone()
