"""The order of place_order.py, one statement at a time, and three ways to hold them together.

What the service says in one statement with many parts is said here as a learner would first write
it: each part on its own, with Python in between. Left out is what concerns a key that comes again
at the wrong moment: that a used key is refused to another order (its fingerprint is written here,
and not compared), and that a request is turned away at once while another with its key is under
way (here it goes on, and breaks `idempotency_keys_pkey` in the end).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    import psycopg

    Way = Callable[["Connection", "Order"], int]


class Connection(Protocol):
    """What an order needs of a connection that is in autocommit mode."""

    def execute(
        self, query: LiteralString, params: Mapping[str, Any] | None = None
    ) -> psycopg.Cursor[Any]:
        """Send one statement and wait for its reply."""
        ...

    def transaction(self) -> AbstractContextManager[object]:
        """Send BEGIN, and at the end COMMIT; ROLLBACK if the block ends with an exception."""
        ...


class Order(NamedTuple):
    """Who orders how many pieces of what; the key names this order in every retry."""

    key: str
    user_id: int
    lines: dict[int, int]


class UnknownProduct(Exception):
    """There is no such product."""


class OutOfStock(Exception):
    """There isn't enough of every product."""


# ---------------------------------------------------------------- three ways


def by_hand(conn: Connection, order: Order) -> int:
    """Say BEGIN, then COMMIT if all went well and ROLLBACK if anything did not.

    Should we die before we can say either, PostgreSQL notices that we are gone, and rolls back.
    """
    conn.execute("BEGIN")
    try:
        order_id = place(conn, order)
    except BaseException:
        conn.execute("ROLLBACK")
        raise
    conn.execute("COMMIT")
    return order_id


def with_transaction(conn: Connection, order: Order) -> int:
    """Let psycopg say it: the block is the transaction, and nobody can forget how it ends."""
    with conn.transaction():
        return place(conn, order)


def without(conn: Connection, order: Order) -> int:
    """Let each statement be a transaction of its own, committed before the next one is sent."""
    return place(conn, order)


# ---------------------------------------------------------------- the order


def place(conn: Connection, order: Order) -> int:
    """Place an order, step by step; returns its id."""
    if (known := claim(conn, order)) is not None:
        return known
    total = lock(conn, order)
    order_id = insert_order(conn, order, total)
    insert_lines(conn, order, order_id)
    take_stock(conn, order_id)
    insert_movements(conn, order_id)
    insert_key(conn, order, order_id)
    return order_id


def claim(conn: Connection, order: Order) -> int | None:
    """Return the order that this key has made already, if it has."""
    row = conn.execute(
        """
        SELECT order_id
          FROM idempotency_keys
         WHERE key = %(key)s
        """,
        {"key": order.key},
    ).fetchone()
    return row and row[0]


def lock(conn: Connection, order: Order) -> int:
    """Lock the products in the order of their ids; returns what the order costs.

    A row that isn't there is no error to PostgreSQL: it is missing from the result. If nobody
    counts, the order is placed without it.
    """
    rows = conn.execute(
        """
        SELECT id, price, stock
          FROM products
         WHERE id = ANY(%(ids)s)
         ORDER BY id
           FOR NO KEY UPDATE
        """,
        {"ids": list(order.lines)},
    ).fetchall()
    if len(rows) < len(order.lines):
        raise UnknownProduct
    if any(stock < order.lines[product] for product, _, stock in rows):
        raise OutOfStock
    return sum(price * order.lines[product] for product, price, _ in rows)


def insert_order(conn: Connection, order: Order, total: int) -> int:
    """Write the order's head; returns its id."""
    cursor = conn.execute(
        """
        INSERT INTO orders (user_id, total)
        VALUES (%(user_id)s, %(total)s)
        RETURNING id
        """,
        {"user_id": order.user_id, "total": total},
    )
    [(order_id,)] = cursor.fetchall()
    return order_id


def insert_lines(conn: Connection, order: Order, order_id: int) -> None:
    """Write the order's lines, with names and prices as they are now."""
    conn.execute(
        """
        INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
        SELECT %(order_id)s, products.id, asked.quantity, products.name, products.price
          FROM unnest(%(ids)s::bigint[], %(quantities)s::bigint[]) AS asked (id, quantity)
          JOIN products ON products.id = asked.id
        """,
        {
            "order_id": order_id,
            "ids": list(order.lines),
            "quantities": list(order.lines.values()),
        },
    )


def take_stock(conn: Connection, order_id: int) -> None:
    """Take the pieces from the shelves."""
    conn.execute(
        """
        UPDATE products
           SET stock = stock - line.quantity
          FROM order_items AS line
         WHERE line.order_id = %(order_id)s
           AND products.id = line.product_id
        """,
        {"order_id": order_id},
    )


def insert_movements(conn: Connection, order_id: int) -> None:
    """Write into the ledger where the pieces went."""
    conn.execute(
        """
        INSERT INTO stock_movements (product_id, quantity, reason, order_id)
        SELECT product_id, -quantity, 'order', order_id
          FROM order_items
         WHERE order_id = %(order_id)s
        """,
        {"order_id": order_id},
    )


def insert_key(conn: Connection, order: Order, order_id: int) -> None:
    """Remember the key, so that a retry finds the order instead of placing it again."""
    conn.execute(
        """
        INSERT INTO idempotency_keys (key, fingerprint, order_id)
        VALUES (%(key)s, %(fingerprint)s, %(order_id)s)
        """,
        {
            "key": order.key,
            "fingerprint": hashlib.sha256(repr(order).encode()).digest(),
            "order_id": order_id,
        },
    )
