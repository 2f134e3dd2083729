"""The schema alone: what must never be true cannot be written, whoever writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from phase3_auth.errors import VIOLATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.phases import Phase

# Two users, two products; order 1 is placed, order 2 was cancelled.
BOOKS = """
    INSERT INTO users (name, email)
    VALUES ('Ada', 'ada@example.com'), ('Bob', 'bob@example.com');
    INSERT INTO products (sku, name, price, stock)
    VALUES ('TEA', 'Tea', 250, 7), ('POT', 'Pot', 900, 5);
    INSERT INTO orders (user_id, status, total)
    VALUES (1, 'placed', 750), (1, 'cancelled', 250);
    INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
    VALUES (1, 1, 3, 'Tea', 250), (2, 1, 1, 'Tea', 250);
    INSERT INTO stock_movements (product_id, quantity, reason, order_id)
    VALUES (1, 10, 'initial', NULL), (2, 5, 'initial', NULL),
           (1, -3, 'order', 1), (1, -1, 'order', 2), (1, 1, 'cancel', 2);
    INSERT INTO idempotency_keys (key, fingerprint, order_id)
    VALUES ('known', sha256('1'), 1);
    """


@pytest.fixture(scope="module")
def kept_books(database_url: str) -> str:
    """Fill a database with a few rows."""
    with psycopg.connect(database_url) as conn:
        conn.execute(BOOKS)
    return database_url


@pytest.fixture
def books(kept_books: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a transaction in it, of which nothing stays."""
    with psycopg.connect(kept_books) as conn:
        yield conn
        conn.rollback()


USER: LiteralString = "INSERT INTO users (name, email) VALUES "
PRODUCT: LiteralString = "INSERT INTO products (sku, name, price, stock) VALUES "
ORDER: LiteralString = "INSERT INTO orders (user_id, status, total) VALUES "
LINE: LiteralString = (
    "INSERT INTO order_items (order_id, product_id, quantity, name, unit_price) VALUES "
)
MOVE: LiteralString = "INSERT INTO stock_movements (product_id, quantity, reason, order_id) VALUES "
KEY: LiteralString = "INSERT INTO idempotency_keys (key, fingerprint, order_id) VALUES "
MOVE_KEY: LiteralString = "INSERT INTO idempotency_keys (key, fingerprint, movement_id) VALUES "

REFUSED: list[tuple[str, LiteralString]] = [
    # users
    ("users_name_check", USER + "('', 'eve@example.com')"),
    ("users_name_check", USER + "('   ', 'eve@example.com')"),
    ("users_name_check", USER + "(repeat('e', 101), 'eve@example.com')"),
    ("users_email_check", USER + "('Eve', 'eve')"),
    ("users_email_check", USER + "('Eve', repeat('e', 250) || '@example.com')"),
    ("users_email_key", USER + "('Eve', 'ADA@example.com')"),
    # products
    ("products_sku_check", PRODUCT + "('tea-2', 'Tea', 1, 1)"),
    ("products_sku_check", PRODUCT + "('TEA 2', 'Tea', 1, 1)"),
    ("products_sku_check", PRODUCT + "(repeat('T', 41), 'Tea', 1, 1)"),
    ("products_sku_key", PRODUCT + "('TEA', 'Tea', 1, 1)"),
    ("products_name_check", PRODUCT + "('TEA-2', ' ', 1, 1)"),
    ("products_price_check", PRODUCT + "('TEA-2', 'Tea', -1, 1)"),
    ("products_price_check", PRODUCT + "('TEA-2', 'Tea', 100000001, 1)"),
    ("products_stock_check", PRODUCT + "('TEA-2', 'Tea', 1, -1)"),
    ("products_stock_check", "UPDATE products SET stock = stock - 8 WHERE id = 1"),
    ("products_stock_check", "UPDATE products SET stock = stock + 1000000000"),
    # orders
    ("orders_user_id_fkey", ORDER + "(7, 'placed', 0)"),
    ("orders_user_id_fkey", "DELETE FROM users WHERE id = 1"),
    ("orders_status_check", ORDER + "(1, 'lost', 0)"),
    ("orders_total_check", ORDER + "(1, 'placed', -1)"),
    # lines
    ("order_items_pkey", LINE + "(1, 1, 2, 'Tea', 250)"),
    ("order_items_order_id_fkey", LINE + "(7, 1, 1, 'Tea', 250)"),
    ("order_items_order_id_fkey", "DELETE FROM idempotency_keys; DELETE FROM orders WHERE id = 1"),
    ("order_items_product_id_fkey", LINE + "(1, 7, 1, 'Tea', 250)"),
    ("order_items_product_id_fkey", "DELETE FROM products WHERE id = 1"),
    ("order_items_quantity_check", LINE + "(1, 2, 0, 'Pot', 900)"),
    ("order_items_quantity_check", LINE + "(1, 2, -1, 'Pot', 900)"),
    ("order_items_unit_price_check", LINE + "(1, 2, 1, 'Pot', -900)"),
    # the ledger
    ("stock_movements_product_id_fkey", MOVE + "(7, 1, 'restock', NULL)"),
    ("stock_movements_product_id_fkey", "DELETE FROM products WHERE id = 2"),
    ("stock_movements_reason_check", MOVE + "(1, 1, 'theft', NULL)"),
    ("stock_movements_quantity_check", MOVE + "(1, 0, 'restock', NULL)"),
    ("stock_movements_quantity_check", MOVE + "(1, -1, 'restock', NULL)"),
    ("stock_movements_quantity_check", MOVE + "(1, -1, 'cancel', 1)"),
    ("stock_movements_quantity_check", MOVE + "(1, 1, 'order', 1)"),
    ("stock_movements_order_check", MOVE + "(1, -1, 'order', NULL)"),
    ("stock_movements_order_check", MOVE + "(1, 1, 'cancel', NULL)"),
    ("stock_movements_order_check", MOVE + "(1, 1, 'restock', 1)"),
    ("stock_movements_order_items_fkey", MOVE + "(2, -1, 'order', 1)"),
    ("stock_movements_order_items_fkey", "DELETE FROM order_items WHERE order_id = 1"),
    ("stock_movements_once_key", MOVE + "(1, -3, 'order', 1)"),
    ("stock_movements_once_key", MOVE + "(1, 1, 'cancel', 2)"),
    # keys
    ("idempotency_keys_pkey", KEY + "('known', sha256('2'), 2)"),
    ("idempotency_keys_key_check", KEY + "('', sha256('2'), 2)"),
    ("idempotency_keys_key_check", KEY + "(repeat('k', 256), sha256('2'), 2)"),
    ("idempotency_keys_fingerprint_check", KEY + "('new', '2', 2)"),
    ("idempotency_keys_order_id_fkey", KEY + "('new', sha256('2'), 7)"),
    ("idempotency_keys_movement_id_fkey", MOVE_KEY + "('new', sha256('2'), 7)"),
    ("idempotency_keys_effect_check", KEY + "('new', sha256('2'), NULL)"),
    ("idempotency_keys_effect_check", "UPDATE idempotency_keys SET movement_id = 1"),
]

# An id that is handed out by its sequence can't be taken: these have no case above.
NEVER = {"users_pkey", "products_pkey", "orders_pkey", "stock_movements_pkey"}


@pytest.mark.parametrize(("constraint", "statement"), REFUSED, ids=[name for name, _ in REFUSED])
def test_the_database_refuses(
    constraint: str, statement: LiteralString, books: psycopg.Connection[Any]
) -> None:
    with pytest.raises(psycopg.IntegrityError) as refusal:
        books.execute(statement)

    assert refusal.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stock_movements SET quantity = 11 WHERE id = 1",
        "DELETE FROM stock_movements WHERE id = 1",
    ],
)
def test_the_ledger_is_not_rewritten(
    statement: LiteralString, books: psycopg.Connection[Any]
) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation, match="stock_movements is append-only"):
        books.execute(statement)


@pytest.mark.parametrize("table", ["users", "products", "orders", "stock_movements"])
def test_nobody_chooses_an_id(table: str, books: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.GeneratedAlways):
        books.execute(SQL("UPDATE {} SET id = 99").format(Identifier(table)))


def test_only_what_may_be_missing_may_be_null(books: psycopg.Connection[Any]) -> None:
    nullable = books.execute(
        """
        SELECT table_name || '.' || column_name
          FROM information_schema.columns
         WHERE table_schema = 'public'
           AND is_nullable = 'YES'
        """
    ).fetchall()

    assert {name for (name,) in nullable} == {
        "stock_movements.order_id",
        "idempotency_keys.order_id",
        "idempotency_keys.movement_id",
    }


def constraints(conn: psycopg.Connection[Any]) -> set[str]:
    """Name what can be violated: constraints other than NOT NULL, and unique indexes."""
    rows = conn.execute(
        """
        SELECT conname
          FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace
           AND contype <> 'n'
         UNION
        SELECT indexrelid::regclass::text
          FROM pg_index
          JOIN pg_class ON pg_class.oid = indrelid
         WHERE relnamespace = 'public'::regnamespace
           AND indisunique
        """
    )
    return {name for (name,) in rows.fetchall()}


def test_each_constraint_has_a_case_above(books: psycopg.Connection[Any]) -> None:
    assert constraints(books) == {name for name, _ in REFUSED} | NEVER


def test_each_constraint_and_index_has_a_name_of_ours(
    phase: Phase, books: psycopg.Connection[Any]
) -> None:
    assert phase.schema
    text = phase.schema.read_text(encoding="utf-8")
    indexes = books.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")

    names = constraints(books) | {name for (name,) in indexes.fetchall()}

    assert {name for name in names if name not in text.split()} == set()


# What no request can violate, because of what is checked or locked before.
UNREACHABLE = {
    "orders_status_check": "the words stand in our SQL",
    "orders_total_check": "a sum of what is not negative",
    "order_items_pkey": "NewOrder takes each product once",
    "order_items_order_id_fkey": "written by the statement that writes the order",
    "order_items_product_id_fkey": "only locked products become lines",
    "order_items_quantity_check": "NewLine takes 1 to 10 000",
    "order_items_unit_price_check": "a price is not negative",
    "stock_movements_product_id_fkey": "only locked products are moved",
    "stock_movements_reason_check": "the words stand in our SQL",
    "stock_movements_quantity_check": "the signs stand in our SQL",
    "stock_movements_order_check": "the words stand in our SQL",
    "stock_movements_order_items_fkey": "written by the statement that writes the line",
    "stock_movements_once_key": "an order is placed once; its status is cancelled once",
    "idempotency_keys_pkey": "answered by trying again, see place_order.py",
    "idempotency_keys_key_check": "the header's form is stricter",
    "idempotency_keys_fingerprint_check": "SHA-256 is as long as it is",
    "idempotency_keys_order_id_fkey": "written by the statement that writes the order",
    "idempotency_keys_movement_id_fkey": "written after the movement, in its transaction",
    "idempotency_keys_effect_check": "each of the two statements writes one of them",
}


def test_each_constraint_is_answered_or_unreachable_for_a_reason(
    books: psycopg.Connection[Any],
) -> None:
    answered = {name for name, _ in VIOLATIONS}

    assert not answered & UNREACHABLE.keys()
    assert constraints(books) - NEVER == answered | UNREACHABLE.keys()
