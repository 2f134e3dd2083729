"""Orders, in PostgreSQL."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from ..domain.errors import TryAgain
from ..domain.idempotency import Attempt, Known
from ..domain.orders import Line, ListedOrder, Locked, NewOrder, Order, OrderFilter, Outcome, Placed
from ..domain.paging import Place
from .sql import array, sql

# Literals and no parameter: a plan for all values couldn't use an index of cancelled orders alone.
ORDERS_IN_STATUS: dict[str, LiteralString] = {
    "placed": " AND status = 'placed'",
    "cancelled": " AND status = 'cancelled'",
}


class PostgresOrders:
    """The orders table and its lines."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def by_ids(self, ids: Sequence[int]) -> dict[int, Order | None]:
        """Find orders with their lines, all in one round trip; an id without an order has None.

        The join gives a row for each line. Asking for the order first and for its lines second
        would be two round trips, with room for a change in between.
        """
        cursor = await self._conn.execute(
            """
            SELECT orders.id, orders.user_id, orders.status, orders.total, orders.placed_at,
                   line.product_id, products.sku, line.name, line.quantity, line.unit_price
              FROM orders
              JOIN order_items AS line ON line.order_id = orders.id
              JOIN products ON products.id = line.product_id
             WHERE orders.id = ANY(%(ids)s::bigint[])
             ORDER BY orders.id, line.product_id
            """,
            {"ids": array(ids)},
        )
        found: dict[int, Order | None] = dict.fromkeys(ids)
        for order_id, user_id, status, total, placed_at, *line in await cursor.fetchall():
            order = found[order_id] or Order(order_id, user_id, status, total, placed_at, [])
            order.items.append(Line(*line))
            found[order_id] = order
        return found

    async def newest(
        self, wanted: OrderFilter, owner: int | None, after: Place, limit: int
    ) -> list[ListedOrder]:
        """Return orders behind a place, newest first; if an owner is named, only of his."""
        statement = sql(
            """
            SELECT id, user_id, status, total, placed_at
              FROM orders
             WHERE (placed_at, id) < (%(time)s, %(id)s) {filters}
             ORDER BY placed_at DESC, id DESC
             LIMIT %(limit)s
            """,
            filters=orders_matching(wanted, owner),
        )
        parameters = {
            "time": after.time,
            "id": after.id,
            "limit": limit,
            "user_id": wanted.user_id,
            "owner": owner,
        }
        cursor = await self._conn.cursor(row_factory=class_row(ListedOrder)).execute(
            statement, parameters
        )
        return await cursor.fetchall()

    async def place(self, attempt: Attempt, new: NewOrder) -> Outcome:
        """Place the order, or tell what it would take.

        It is a single statement, which PostgreSQL begins and commits by itself. Step by step, with
        BEGIN and COMMIT, it would hold its locks for as many round trips.
        """
        with looking_again():
            rows = await self._place(attempt, new)
        ours, known, placed = rows[0][0], rows[0][1:4], rows[0][4:7]
        return Outcome(
            ours,
            None if known[0] is None else Known(*known),
            None if placed[0] is None else Placed(*placed),
            [Locked(*row[7:]) for row in rows if row[7] is not None],
        )

    async def _place(self, attempt: Attempt, new: NewOrder) -> list[tuple[Any, ...]]:
        """Place the order if its key is free, its products are known and there are enough of each.

        Read it from top to bottom; each step sees only what the ones above it hand down.

        Products are locked in the order of their ids: two orders for the same products, whichever
        way round, queue up at the lowest id and cannot wait for each other. FOR NO KEY UPDATE is
        the lock an UPDATE of stock takes; FOR UPDATE would block the foreign keys of others as
        well. Whoever waited for the lock sees the stock that the one before left, because
        PostgreSQL then reads the row anew. What a SELECT without a lock had shown would be history
        by then.

        So the stock to lower is the one in `locked`. A plain `stock - quantity` would begin with
        the row as it was before the wait, and `products_stock_check` would judge that figure first.

        A user who is gone by now breaks `orders_user_id_fkey`, a key that is taken
        `idempotency_keys_pkey`.
        """
        cursor = await self._conn.execute(
            """
            WITH claimed AS MATERIALIZED (
                SELECT pg_try_advisory_xact_lock(hashtextextended(asked.key, asked.user_id))
                           AS ours,
                       known.fingerprint, known.order_id, known.movement_id
                  FROM (VALUES (%(user_id)s::bigint, %(key)s)) AS asked (user_id, key)
                  LEFT JOIN idempotency_keys AS known
                         ON known.user_id = asked.user_id
                        AND known.key = asked.key
            ), locked AS (
                SELECT products.id, products.sku, products.name, products.price, products.stock,
                       asked.quantity
                  FROM unnest(%(ids)s::bigint[], %(quantities)s::bigint[]) AS asked (id, quantity)
                  JOIN products ON products.id = asked.id
                 WHERE (SELECT ours AND fingerprint IS NULL FROM claimed)
                 ORDER BY products.id
                   FOR NO KEY UPDATE OF products
            ), filled AS (
                SELECT sum(quantity * price)::bigint AS total
                  FROM locked
                HAVING count(*) = cardinality(%(ids)s::bigint[])
                   AND bool_and(quantity <= stock)
            ), placed AS (
                INSERT INTO orders (user_id, total)
                SELECT %(user_id)s, total
                  FROM filled
                RETURNING id, total, placed_at
            ), lines AS (
                INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
                SELECT placed.id, locked.id, locked.quantity, locked.name, locked.price
                  FROM placed
                 CROSS JOIN locked
                RETURNING order_id, product_id, quantity
            ), taken AS (
                UPDATE products
                   SET stock = locked.stock - locked.quantity
                  FROM placed
                 CROSS JOIN locked
                 WHERE products.id = locked.id
            ), moved AS (
                INSERT INTO stock_movements (product_id, quantity, reason, order_id)
                SELECT product_id, -quantity, 'order', order_id
                  FROM lines
            ), kept AS (
                INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id)
                SELECT %(user_id)s, %(key)s, %(fingerprint)s, id
                  FROM placed
            )
            SELECT claimed.ours, claimed.fingerprint, claimed.order_id, claimed.movement_id,
                   placed.id, placed.total, placed.placed_at,
                   locked.id, locked.sku, locked.name, locked.price, locked.stock, locked.quantity
              FROM claimed
              LEFT JOIN placed ON TRUE
              LEFT JOIN locked ON TRUE
             ORDER BY locked.id
            """,
            {
                "key": attempt.key,
                "fingerprint": attempt.fingerprint,
                "user_id": attempt.user_id,
                "ids": array(line.product_id for line in new.items),
                "quantities": array(line.quantity for line in new.items),
            },
        )
        return await cursor.fetchall()

    async def cancel(self, order_id: int, owner: int | None) -> bool:
        """Cancel a placed order and tell whether it was this call that did.

        Two at once: the second waits for the first, looks at the row again and finds it no longer
        placed. Asking with a SELECT first would let both find it placed.
        """
        cursor = await self._conn.execute(
            """
            UPDATE orders
               SET status = 'cancelled'
             WHERE id = %(id)s
               AND status = 'placed'
               AND (%(owner)s::bigint IS NULL OR user_id = %(owner)s)
            """,
            {"id": order_id, "owner": owner},
        )
        return cursor.rowcount == 1


@contextmanager
def looking_again() -> Generator[None]:
    """Try all of it again if the key turns out to be there, though nobody seemed to have it.

    Lock and look are one statement here, and what it sees is what was committed when it began: it
    may get the lock from one who committed a moment later. The lock spares those who come at once
    the waiting; what keeps them from counting twice is the primary key.
    """
    try:
        yield
    except UniqueViolation as error:
        if error.diag.constraint_name == "idempotency_keys_pkey":
            raise TryAgain from error
        raise


def orders_matching(wanted: OrderFilter, owner: int | None) -> LiteralString:
    """Write the conditions for what was asked for, and nothing for what was not."""
    where: LiteralString = ""
    if owner is not None:
        where += " AND user_id = %(owner)s"
    if wanted.user_id is not None:
        where += " AND user_id = %(user_id)s"
    if wanted.status is not None:
        where += ORDERS_IN_STATUS[wanted.status]
    return where
