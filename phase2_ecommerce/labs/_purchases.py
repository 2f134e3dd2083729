"""Six ways to sell one piece of a product, each with its SQL; the first of them is wrong.

Each returns how many pieces the sale left, which makes it the number of the piece that was sold:
the same number told to two buyers is one piece sold twice. None: there was none left to sell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from psycopg.errors import SerializationFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Way = Callable[[Connection[Any], int], int | None]
    """Takes a connection and a product's id; returns what the sale left, or None."""


class Outdated(Exception):
    """Somebody changed the row between our look at it and our write."""


CONFLICTS = (SerializationFailure, Outdated)
"""What tells a buyer to try again from the start."""


def naive(conn: Connection[Any], product: int) -> int | None:
    """Read, think, write. A transaction is around it, and it does not help.

    A plain SELECT locks no row. Whoever reads before the other has written gets the same number,
    and writes the same number back. The CHECK on stock sees nothing wrong either: nobody ever
    writes less than 0.
    """
    with conn.transaction():
        stock = select_stock(conn, product)
        return write_stock(conn, product, stock - 1) if stock > 0 else None


def conditional(conn: Connection[Any], product: int) -> int | None:
    """Let the statement that writes be the one that looks.

    UPDATE locks the row before it changes it. If it had to wait for that, PostgreSQL checks the
    WHERE again, against the row as it has become. So it does at READ COMMITTED, its default; at
    the stricter levels a row that has changed meanwhile is an error (40001).
    """
    row = conn.execute(
        """
        UPDATE products
           SET stock = stock - 1
         WHERE id = %(id)s
           AND stock >= 1
        RETURNING stock
        """,
        {"id": product},
    ).fetchone()
    return row and row[0]


def row_lock(conn: Connection[Any], product: int) -> int | None:
    """Lock the row, then read it: nobody else can write it until we commit.

    FOR NO KEY UPDATE is the lock that UPDATE itself takes as long as no key changes. FOR UPDATE is
    stronger than needed: it would also stop those who only write a line that refers to the product.
    """
    with conn.transaction():
        row = conn.execute(
            """
            SELECT stock
              FROM products
             WHERE id = %(id)s
               FOR NO KEY UPDATE
            """,
            {"id": product},
        ).fetchone()
        stock = value_of(row)
        return write_stock(conn, product, stock - 1) if stock > 0 else None


def optimistic(conn: Connection[Any], product: int) -> int | None:
    """Read a version along, and write only if it is still that version; else begin again.

    No lock is held while one thinks, so this also works when reading and writing are two requests
    of a person with a form on the screen (HTTP's ETag and If-Match).
    """
    row = conn.execute(
        "SELECT stock, version FROM products WHERE id = %(id)s",
        {"id": product},
    ).fetchone()
    stock, version = row or (0, 0)
    if stock < 1:
        return None
    written = conn.execute(
        """
        UPDATE products
           SET stock = %(left)s,
               version = version + 1
         WHERE id = %(id)s
           AND version = %(version)s
        """,
        {"left": stock - 1, "id": product, "version": version},
    )
    if written.rowcount == 0:
        raise Outdated
    return stock - 1


def serializable(conn: Connection[Any], product: int) -> int | None:
    """Say the very words of the naive way, at another isolation level.

    PostgreSQL then lets transactions succeed only if they could have run one after another, and
    ends the others with a serialization failure (40001). Whoever asks for this must retry.
    To know, it notes what each has read (SIReadLock in pg_locks; nobody ever waits for one). Of
    rows found by an index: each row, as long as they are few, and the leaf pages of the index, for
    where there was no row another may put one. Of a table read from end to end: all of it. Without
    the index everybody would be in everybody's way.
    """
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        stock = select_stock(conn, product)
        return write_stock(conn, product, stock - 1) if stock > 0 else None


def advisory_lock(conn: Connection[Any], product: int) -> int | None:
    """Queue for a lock on a number; PostgreSQL doesn't know that it stands for a product.

    It protects from those alone who ask for the same lock: one script that forgets to, and it is
    the naive way again. The lock needs a statement of its own, because a SELECT that locks no row
    sees all rows as they were when it began, and that was before it waited. It is kept until the
    transaction ends; an end before the COMMIT would let the next one read the old stock.
    """
    with conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%(id)s)", {"id": product})
        stock = select_stock(conn, product)
        return write_stock(conn, product, stock - 1) if stock > 0 else None


WAYS: dict[str, Way] = {
    "naive: read, then write": naive,
    "conditional UPDATE": conditional,
    "FOR NO KEY UPDATE": row_lock,
    "version column, retry": optimistic,
    "SERIALIZABLE, retry": serializable,
    "advisory lock": advisory_lock,
}


def select_stock(conn: Connection[Any], product: int) -> int:
    """Look at the stock, and lock nothing."""
    query = "SELECT stock FROM products WHERE id = %(id)s"
    return value_of(conn.execute(query, {"id": product}).fetchone())


def write_stock(conn: Connection[Any], product: int, left: int) -> int:
    """Write a number that was worked out here, whatever stands there by now."""
    conn.execute(
        "UPDATE products SET stock = %(left)s WHERE id = %(id)s",
        {"left": left, "id": product},
    )
    return left


def value_of(row: tuple[Any, ...] | None) -> int:
    """Take the one value of a row; a product that isn't there has none in stock."""
    return cast("int", row[0]) if row else 0
