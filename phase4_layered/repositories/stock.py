"""Stock and its ledger, in PostgreSQL."""

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.paging import Place
from ..domain.products import Movement
from .sql import the_row


class PostgresStock:
    """The stock_movements table, and with each of its rows the stock of a product."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def movements(self, product_id: int, after: Place, limit: int) -> list[Movement] | None:
        """Return movements behind a place, newest first; None if there is no such product.

        The LEFT JOIN tells a product without movements from no product, in one query. In the order
        of ids, which is the order in which movements were written: those of one product wait for
        each other at its row.
        """
        cursor = await self._conn.execute(
            """
            SELECT moved.id, moved.product_id, moved.quantity, moved.reason, moved.order_id,
                   moved.created_at
              FROM products
              LEFT JOIN LATERAL (
                   SELECT id, product_id, quantity, reason, order_id, created_at
                     FROM stock_movements
                    WHERE product_id = products.id
                      AND id < %(after)s
                    ORDER BY id DESC
                    LIMIT %(limit)s) AS moved ON TRUE
             WHERE products.id = %(product_id)s
             ORDER BY moved.id DESC
            """,
            {"product_id": product_id, "after": after.id, "limit": limit},
        )
        rows = await cursor.fetchall()
        return [Movement(*row) for row in rows if row[0] is not None] if rows else None

    async def movement(self, movement_id: int) -> Movement:
        """Return an entry of the ledger, which stays there for ever."""
        cursor = await self._conn.cursor(row_factory=class_row(Movement)).execute(
            """
            SELECT id, product_id, quantity, reason, order_id, created_at
              FROM stock_movements
             WHERE id = %(id)s
            """,
            {"id": movement_id},
        )
        return await the_row(cursor)

    async def add(self, product_id: int, quantity: int) -> Movement | None:
        """Add pieces and say so in the ledger; None if there is no such product.

        More than can be counted break `products_stock_check`.
        """
        cursor = await self._conn.cursor(row_factory=class_row(Movement)).execute(
            """
            WITH added AS (
                UPDATE products
                   SET stock = stock + %(quantity)s
                 WHERE id = %(id)s
                RETURNING id
            )
            INSERT INTO stock_movements (product_id, quantity, reason)
            SELECT id, %(quantity)s, 'restock'
              FROM added
            RETURNING id, product_id, quantity, reason, order_id, created_at
            """,
            {"id": product_id, "quantity": quantity},
        )
        return await cursor.fetchone()

    async def take_back(self, order_id: int) -> None:
        """Put the pieces of an order back and say so in the ledger, locking in the order of ids."""
        await self._conn.execute(
            """
            WITH locked AS (
                SELECT products.id, products.stock, line.quantity
                  FROM order_items AS line
                  JOIN products ON products.id = line.product_id
                 WHERE line.order_id = %(id)s
                 ORDER BY products.id
                   FOR NO KEY UPDATE OF products
            ), returned AS (
                UPDATE products
                   SET stock = locked.stock + locked.quantity
                  FROM locked
                 WHERE products.id = locked.id
            )
            INSERT INTO stock_movements (product_id, quantity, reason, order_id)
            SELECT id, quantity, 'cancel', %(id)s
              FROM locked
            """,
            {"id": order_id},
        )
