"""Order items by the million, in a table without any index: made by PostgreSQL itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from rich.progress import track

if TYPE_CHECKING:
    from typing import Any

    from shared.lab import Lab

PRODUCTS = 10_000
LINES = 3
"""Of each order; they are written one after another, as a shop's are."""
_BATCH = 100_000


def connect(lab: Lab) -> psycopg.Connection[Any]:
    """Open a connection to the experiment's own database, each statement its own transaction.

    One process runs each query: it is easier to read, and its milliseconds can be compared.
    """
    return psycopg.connect(
        lab.database_url, autocommit=True, options="-c max_parallel_workers_per_gather=0"
    )


def strip(connection: psycopg.Connection[Any]) -> None:
    """Take primary key and foreign keys from order_items: only what is under study is left."""
    connection.execute(
        """
        ALTER TABLE order_items
            DROP CONSTRAINT order_items_pkey CASCADE,
            DROP CONSTRAINT order_items_order_id_fkey,
            DROP CONSTRAINT order_items_product_id_fkey
        """
    )


def grow(connection: psycopg.Connection[Any], have: int, want: int) -> None:
    """Add lines to the `have` there are until there are `want`, and let PostgreSQL count them.

    Every product is as popular as any other and nowhere in particular. The numbers that others are
    divided by have no factor in common, so no column tells anything about another.
    """
    for first in track(range(have, want, _BATCH), description=f"growing to {want:,} order items"):
        connection.execute(
            """
            INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
            SELECT 1 + n / %(lines)s,
                   1 + n * 7919 %% %(products)s,
                   CASE WHEN n %% 97 = 0 THEN 100 ELSE 1 + n %% 7 END,
                   'Tea ' || 1 + n * 7919 %% %(products)s,
                   1 + n * 7907 %% 99991
              FROM generate_series(%(first)s::bigint, %(last)s) AS n
            """,
            {
                "first": first,
                "last": min(first + _BATCH, want) - 1,
                "lines": LINES,
                "products": PRODUCTS,
            },
        )
    connection.execute("VACUUM ANALYZE order_items")
