"""People, in PostgreSQL."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, RestrictViolation
from psycopg.rows import class_row

from ..domain.paging import Page
from ..domain.users import NewUser, User, UserChanges, UserQuery, UserSummary
from .errors import user_has_orders
from .sql import array, containing, page_of, sql, the_row

# A column name cannot be a parameter, so what a client may sort by is looked up here and never
# pasted in. The id ends every order: without it, equal names may swap places between two pages.
USER_ORDERS: dict[str, LiteralString] = {
    "id": "listed.id",
    "-id": "listed.id DESC",
    "name": "listed.name, listed.id",
    "-name": "listed.name DESC, listed.id DESC",
    "email": "listed.email, listed.id",
    "-email": "listed.email DESC, listed.id DESC",
    "created_at": "listed.created_at, listed.id",
    "-created_at": "listed.created_at DESC, listed.id DESC",
}


class PostgresUsers:
    """The users table."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def by_ids(self, ids: Sequence[int]) -> dict[int, User | None]:
        """Find users by their ids; an id without a user has None."""
        cursor = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            SELECT id, name, email, role, created_at
              FROM users
             WHERE id = ANY(%(ids)s::bigint[])
            """,
            {"ids": array(ids)},
        )
        return dict.fromkeys(ids) | {user.id: user for user in await cursor.fetchall()}

    async def page(self, query: UserQuery) -> Page[User]:
        """Return one page of the users that match, and how many match in all.

        The LEFT JOIN keeps the count when the page is past the end: one row comes back all the
        same.
        """
        statement = sql(
            """
            SELECT counted.total,
                   listed.id, listed.name, listed.email, listed.role, listed.created_at
              FROM (SELECT count(*) AS total
                      FROM users AS listed
                     WHERE {where}) AS counted
              LEFT JOIN (SELECT listed.id, listed.name, listed.email, listed.role, listed.created_at
                           FROM users AS listed
                          WHERE {where}
                          ORDER BY {order}
                          LIMIT %(limit)s OFFSET %(offset)s) AS listed ON TRUE
             ORDER BY {order}
            """,
            where=users_matching(query),
            order=USER_ORDERS[query.sort],
        )
        parameters = {**query.model_dump(), "name": containing(query.name)}
        cursor = await self._conn.execute(statement, parameters)
        return page_of(await cursor.fetchall(), query, User)

    async def add(self, new: NewUser) -> User:
        """Add a user; an e-mail that is taken breaks `users_email_key`."""
        cursor = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            INSERT INTO users (name, email)
            VALUES (%(name)s, %(email)s)
            RETURNING id, name, email, role, created_at
            """,
            {"name": new.name, "email": new.email},
        )
        return await the_row(cursor)

    async def change(self, user_id: int, changes: UserChanges) -> User | None:
        """Write the given fields over the row as it is at that moment.

        Reading the row first and writing it back whole would undo a change made in between. Nobody
        has vouched for an address that is new.
        """
        cursor = await self._conn.cursor(row_factory=class_row(User)).execute(
            """
            UPDATE users
               SET name = COALESCE(%(name)s, name),
                   email = COALESCE(%(email)s, email),
                   email_verified = email_verified
                                    AND lower(email) = lower(COALESCE(%(email)s, email))
             WHERE id = %(id)s
            RETURNING id, name, email, role, created_at
            """,
            {"name": None, "email": None, **changes, "id": user_id},
        )
        return await cursor.fetchone()

    async def remove(self, user_id: int) -> bool:
        """Delete a user and tell whether that was done; orders forbid it, and the last admin stays.

        Two admins who delete each other at once: see `PostgresAccounts.change_role`.
        """
        try:
            cursor = await self._conn.execute(
                """
                WITH admins AS MATERIALIZED (
                    SELECT id
                      FROM users
                     WHERE role = 'admin'
                     ORDER BY id
                       FOR UPDATE
                )
                DELETE FROM users
                 WHERE id = %(id)s
                   AND (role <> 'admin' OR EXISTS (SELECT FROM admins WHERE admins.id <> %(id)s))
                """,
                {"id": user_id},
            )
        except (ForeignKeyViolation, RestrictViolation) as error:  # before and since PostgreSQL 18
            raise user_has_orders() from error
        return cursor.rowcount == 1

    async def summary(self, user_id: int) -> UserSummary | None:
        """Return a user with their aggregates; LEFT JOIN keeps a user without orders."""
        cursor = await self._conn.cursor(row_factory=class_row(UserSummary)).execute(
            """
            SELECT users.id, users.name, users.email, users.created_at,
                   count(orders.id) AS orders,
                   coalesce(sum(orders.total), 0)::bigint AS spent,
                   max(orders.placed_at) AS last_order_at
              FROM users
              LEFT JOIN orders ON orders.user_id = users.id AND orders.status = 'placed'
             WHERE users.id = %(id)s
             GROUP BY users.id
            """,
            {"id": user_id},
        )
        return await cursor.fetchone()


def users_matching(query: UserQuery) -> LiteralString:
    """Write the condition with what was asked for, and nothing for what was not."""
    where: LiteralString = "TRUE"
    if query.name is not None:
        where += " AND listed.name ILIKE %(name)s"
    if query.email is not None:
        where += " AND lower(listed.email) = lower(%(email)s)"
    if query.created_from is not None:
        where += " AND listed.created_at >= %(created_from)s"
    if query.created_before is not None:
        where += " AND listed.created_at < %(created_before)s"
    return where
