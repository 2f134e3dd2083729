"""An order that fails after each of its statements in turn, with a transaction and without.

The order of place_order.py, step by step (`_order.py`, read it first), breaks off once after its
first statement, once after its second, and so on: by an exception, and by a process that is killed.
What does the database hold afterwards? After which statement is it worst? And what does the
exception need that the killed process can't do?
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from psycopg.errors import RaiseException
from psycopg.sql import SQL, Identifier

from phase2_ecommerce.idempotency import Attempt
from phase2_ecommerce.place_order import insert_order
from phase2_ecommerce.schemas import NewOrder
from shared import databases
from shared.phases import ROOT
from shared.witness import eventually

from . import _fragile
from ._fragile import ORDER, WAYS, Fragile, Mishap, raise_mishap

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from shared.lab import Lab

PIECES = 10
TABLES = ("orders", "order_items", "products", "stock_movements", "idempotency_keys")
COLUMNS = ("orders", "lines", "pieces taken", "movements", "keys")
QUICK_KILL = 4


class Books(NamedTuple):
    """What the database holds of the order."""

    orders: int
    lines: int
    taken: int
    movements: int
    keys: int

    def verdict(self) -> str:
        """Say whether this is an order, none, or something that must not be."""
        if self in {NOTHING, WHOLE}:
            return "nothing" if self == NOTHING else "whole"
        return "half: " + ", ".join(wrong for wrong, so in self._wrongs().items() if so)

    def _wrongs(self) -> dict[str, bool]:
        return {
            "an order without lines": self.orders > 0 and not self.lines,
            "sold and still in stock": self.lines > 0 and not self.taken,
            "gone and not in the ledger": self.taken > 0 and not self.movements,
            "a retry orders again": self.orders > 0 and not self.keys,
        }


NOTHING = Books(0, 0, 0, 0, 0)
WHOLE = Books(1, 2, 3, 2, 1)


class Shop:
    """A shop that is set up anew for each order, and looked through afterwards."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.conn = psycopg.connect(url, autocommit=True)

    def open_anew(self) -> None:
        """Begin with one user, two products with ten pieces each, and nothing ordered."""
        databases.empty(self.url)
        self.conn.execute(
            "INSERT INTO users (name, email) VALUES ('Ada', 'ada@example.org')",
        )
        self.conn.execute(
            """
            INSERT INTO products (sku, name, price, stock)
            VALUES ('TEA', 'Tea', 250, %(pieces)s), ('CUP', 'Cup', 900, %(pieces)s)
            """,
            {"pieces": PIECES},
        )

    def books(self) -> Books:
        """Look through the tables, once everybody else has left or been put out."""
        eventually(self._is_alone)
        [row] = self.conn.execute(
            """
            SELECT (SELECT count(*) FROM orders),
                   (SELECT count(*) FROM order_items),
                   (SELECT sum(%(pieces)s - stock)::bigint FROM products),
                   (SELECT count(*) FROM stock_movements),
                   (SELECT count(*) FROM idempotency_keys)
            """,
            {"pieces": PIECES},
        ).fetchall()
        return Books(*row)

    def _is_alone(self) -> bool:
        others = self.conn.execute(
            """
            SELECT pid
              FROM pg_stat_activity
             WHERE datname = current_database()
               AND pid <> pg_backend_pid()
               AND backend_type = 'client backend'
            """
        )
        return not others.fetchall()


def run(lab: Lab) -> None:
    """Break the order off everywhere, three ways; then let the service's own fail inside."""
    lab.predict("Without a transaction, killed after which statement is it worst?")
    shop = Shop(lab.database_url)
    with closing(shop.conn):
        alone = next(iter(WAYS))
        lab.table(
            "Each statement a transaction of its own",
            ("killed after", *COLUMNS, "that is"),
            [
                (said, *books, books.verdict())
                for said, books in broken_off(shop, alone, kill, every=1)
            ],
        )
        failures = (
            ("an exception", throw, 1),
            ("a kill", kill, QUICK_KILL if lab.quick else 1),
        )
        lab.table(
            "Broken off after each statement in turn: how often nothing was left, all, or half",
            ("way", "broke off by", "statements", "nothing", "whole", "half"),
            [
                (way, how, *tally(books for _, books in broken_off(shop, way, fail, every)))
                for way in WAYS
                for how, fail, every in failures
            ],
        )
        lab.note(
            "BEGIN and COMMIT are statements, too, so by hand there are nine to break off after. "
            "After eight of them nothing is left. The ninth is the COMMIT: after it the order is "
            "whole, whatever happens next. `conn.transaction()` sends these two by itself, so all "
            "seven here lie between them, and nothing is left after any. Without a transaction the "
            "first two do no harm because they write nothing, and the last completes the order."
        )
        lab.table(
            "The order of place_order.py, one statement, that fails inside",
            ("fails when it writes", *COLUMNS, "that is"),
            [
                (table, *books, books.verdict())
                for table, books in ((table, failed_inside(shop, table)) for table in TABLES)
            ],
        )
    lab.note(
        "An exception has to be followed by a ROLLBACK, which a killed process cannot send. It "
        "need not: PostgreSQL rolls back what belongs to a connection that is gone."
    )


Failure = Callable[[Shop, str, int], None]


def broken_off(shop: Shop, way: str, fail: Failure, every: int) -> Iterator[tuple[str, Books]]:
    """Break the order off after each of its statements (or every few); yield what was left."""
    for replies, said in enumerate(statements(shop, way), 1):
        if replies % every == 0:
            shop.open_anew()
            fail(shop, way, replies)
            yield said, shop.books()


def statements(shop: Shop, way: str) -> list[str]:
    """Place the order once without any mishap, and return what was said."""
    shop.open_anew()
    with psycopg.connect(shop.url, autocommit=True) as conn:
        fragile = Fragile(conn, 0, raise_mishap)
        WAYS[way](fragile, ORDER)
    return fragile.said


def throw(shop: Shop, way: str, replies: int) -> None:
    """Raise an exception after so many replies, and go on with the connection still open."""
    with psycopg.connect(shop.url, autocommit=True) as conn:
        try:
            WAYS[way](Fragile(conn, replies, raise_mishap), ORDER)
        except Mishap:
            return
    raise AssertionError("The mishap did not happen.")


def kill(shop: Shop, way: str, replies: int) -> None:
    """Let a process of its own place the order, and be killed after so many replies."""
    process = subprocess.run(
        [sys.executable, "-m", _fragile.__name__, way, str(replies)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": shop.url},
        timeout=30,
        check=False,
    )
    if process.returncode != -signal.SIGKILL:
        raise AssertionError(f"It was to be killed, and ended with {process.returncode}.")


def tally(left: Iterable[Books]) -> tuple[int, ...]:
    """Count what was left: in all, nothing, whole orders, half ones."""
    verdicts = [books.verdict().partition(":")[0] for books in left]
    return len(verdicts), *(verdicts.count(word) for word in ("nothing", "whole", "half"))


def failed_inside(shop: Shop, table: str) -> Books:
    """Let the service's own statement fail when it writes to this table."""
    shop.open_anew()
    with failing(shop.conn, table), suppress(RaiseException):
        asyncio.run(place_as_the_service_does(shop.url))
        raise AssertionError("The statement did not fail.")
    return shop.books()


@contextmanager
def failing(conn: psycopg.Connection, table: str) -> Generator[None]:
    """Make PostgreSQL raise an error whenever something is written to a table."""
    conn.execute(
        """
        CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a mishap';
        END;
        $$
        """
    )
    conn.execute(
        SQL(
            """
            CREATE TRIGGER mishap BEFORE INSERT OR UPDATE ON {}
                FOR EACH ROW EXECUTE FUNCTION fail()
            """
        ).format(Identifier(table))
    )
    try:
        yield
    finally:
        conn.execute(SQL("DROP TRIGGER mishap ON {}").format(Identifier(table)))


async def place_as_the_service_does(url: str) -> None:
    """Run the statement of place_order.py."""
    lines = [{"product_id": product, "quantity": asked} for product, asked in ORDER.lines.items()]
    new = NewOrder.model_validate({"user_id": ORDER.user_id, "items": lines})
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        await insert_order(conn, Attempt(ORDER.key, bytes(32)), new)
