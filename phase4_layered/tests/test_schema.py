"""The schema alone: what must never be true cannot be written, whoever writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from phase4_layered.repositories.errors import VIOLATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.phases import Phase

# Two users, two products; order 1 is placed, order 2 was cancelled. Bob, who brings pieces, is
# logged in with a cookie and with tokens, which he has exchanged once; the provider knows him, too.
BOOKS = """
    TRUNCATE users RESTART IDENTITY CASCADE;
    INSERT INTO users (name, email)
    VALUES ('Ada', 'ada@example.com'), ('Bob', 'bob@example.com');
    INSERT INTO identities (issuer, subject, user_id)
    VALUES ('https://id.example.org', 'bob', 2);
    INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
    VALUES (sha256('state'), 'nonce', 'verifier', '/', now());
    INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at)
    VALUES (2, sha256('cookie'), now(), now(), now() + interval '1 hour'),
           (2, NULL, now(), now(), now() + interval '1 hour');
    INSERT INTO refresh_tokens
           (hash, session_id, parent, seed, access_jti, issued_at, access_expires_at, expires_at)
    VALUES (sha256('1'), 2, NULL, NULL, md5('1')::uuid, now(), now(), now()),
           (sha256('2'), 2, sha256('1'), 'seed', md5('2')::uuid, now(), now(), now());
    INSERT INTO revoked_tokens (jti, expires_at)
    VALUES (md5('1')::uuid, now());
    INSERT INTO products (sku, name, price, stock)
    VALUES ('TEA', 'Tea', 250, 7), ('POT', 'Pot', 900, 5);
    INSERT INTO orders (user_id, status, total)
    VALUES (1, 'placed', 750), (1, 'cancelled', 250);
    INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
    VALUES (1, 1, 3, 'Tea', 250), (2, 1, 1, 'Tea', 250);
    INSERT INTO stock_movements (product_id, quantity, reason, order_id)
    VALUES (1, 10, 'initial', NULL), (2, 5, 'initial', NULL),
           (1, -3, 'order', 1), (1, -1, 'order', 2), (1, 1, 'cancel', 2);
    INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, movement_id)
    VALUES (1, 'known', sha256('1'), 1, NULL), (2, 'known', sha256('2'), NULL, 1);
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
KEY: LiteralString = "INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id) VALUES "
MOVE_KEY: LiteralString = (
    "INSERT INTO idempotency_keys (user_id, key, fingerprint, movement_id) VALUES "
)
IDENTITY: LiteralString = "INSERT INTO identities (issuer, subject, user_id) VALUES "
LOGIN: LiteralString = (
    "INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at) VALUES "
)
SESSION: LiteralString = (
    "INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at) VALUES "
)
REFRESH: LiteralString = (
    "INSERT INTO refresh_tokens (hash, session_id, parent, seed, access_jti,"
    " issued_at, access_expires_at, expires_at) VALUES "
)
DENIAL: LiteralString = "INSERT INTO revoked_tokens (jti, expires_at) VALUES "
ACCESS: LiteralString = "md5('3')::uuid, now(), now(), now())"

REFUSED: list[tuple[str, LiteralString]] = [
    # users
    ("users_name_check", USER + "('', 'eve@example.com')"),
    ("users_name_check", USER + "('   ', 'eve@example.com')"),
    ("users_name_check", USER + "(repeat('e', 101), 'eve@example.com')"),
    ("users_email_check", USER + "('Eve', 'eve')"),
    ("users_email_check", USER + "('Eve', repeat('e', 250) || '@example.com')"),
    ("users_email_key", USER + "('Eve', 'ADA@example.com')"),
    ("users_role_check", "UPDATE users SET role = 'root'"),
    ("users_password_hash_check", "UPDATE users SET password_hash = 'correct horse'"),
    ("users_password_hash_check", "UPDATE users SET password_hash = '$2a$12$salt'"),
    # identities at a provider, and logins there
    ("identities_pkey", IDENTITY + "('https://id.example.org', 'bob', 1)"),
    ("identities_user_id_issuer_key", IDENTITY + "('https://id.example.org', 'robert', 2)"),
    ("identities_subject_check", IDENTITY + "('https://id.example.org', '', 1)"),
    ("identities_subject_check", IDENTITY + "('https://id.example.org', repeat('s', 256), 1)"),
    ("identities_user_id_fkey", IDENTITY + "('https://id.example.org', 'eve', 7)"),
    ("oauth_logins_pkey", LOGIN + "(sha256('state'), 'n', 'v', '/', now())"),
    ("oauth_logins_state_hash_check", LOGIN + "('state', 'n', 'v', '/', now())"),
    ("oauth_logins_return_to_check", LOGIN + "(sha256('2'), 'n', 'v', '', now())"),
    ("oauth_logins_return_to_check", LOGIN + "(sha256('2'), 'n', 'v', 'orders', now())"),
    ("oauth_logins_return_to_check", LOGIN + "(sha256('2'), 'n', 'v', 'http://evil', now())"),
    ("oauth_logins_return_to_check", LOGIN + "(sha256('2'), 'n', 'v', '//evil', now())"),
    ("oauth_logins_return_to_check", LOGIN + r"(sha256('2'), 'n', 'v', '/\evil', now())"),
    ("oauth_logins_return_to_check", LOGIN + r"(sha256('2'), 'n', 'v', E'/\t/evil', now())"),
    # sessions
    ("sessions_user_id_fkey", SESSION + "(7, NULL, now(), now(), now() + interval '1 hour')"),
    ("sessions_cookie_hash_key", "UPDATE sessions SET cookie_hash = sha256('cookie')"),
    ("sessions_cookie_hash_check", "UPDATE sessions SET cookie_hash = 'cookie'"),
    ("sessions_times_check", "UPDATE sessions SET last_used_at = created_at - interval '1 s'"),
    ("sessions_times_check", "UPDATE sessions SET expires_at = created_at"),
    # refresh tokens
    ("refresh_tokens_pkey", REFRESH + "(sha256('2'), 2, NULL, NULL, " + ACCESS),
    ("refresh_tokens_hash_check", REFRESH + "('token', 2, NULL, NULL, " + ACCESS),
    ("refresh_tokens_session_id_fkey", REFRESH + "(sha256('3'), 7, NULL, NULL, " + ACCESS),
    ("refresh_tokens_parent_key", REFRESH + "(sha256('3'), 2, sha256('1'), '5', " + ACCESS),
    ("refresh_tokens_seed_check", REFRESH + "(sha256('3'), 2, sha256('2'), NULL, " + ACCESS),
    ("refresh_tokens_seed_check", REFRESH + "(sha256('3'), 2, NULL, '5', " + ACCESS),
    ("refresh_tokens_access_jti_key", "UPDATE refresh_tokens SET access_jti = md5('2')::uuid"),
    ("revoked_tokens_pkey", DENIAL + "(md5('1')::uuid, now())"),
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
    ("idempotency_keys_pkey", KEY + "(1, 'known', sha256('2'), 2)"),
    ("idempotency_keys_user_id_fkey", KEY + "(7, 'new', sha256('2'), 2)"),
    ("idempotency_keys_key_check", KEY + "(1, '', sha256('2'), 2)"),
    ("idempotency_keys_key_check", KEY + "(1, repeat('k', 256), sha256('2'), 2)"),
    ("idempotency_keys_fingerprint_check", KEY + "(1, 'new', '2', 2)"),
    ("idempotency_keys_order_id_fkey", KEY + "(1, 'new', sha256('2'), 7)"),
    ("idempotency_keys_movement_id_fkey", MOVE_KEY + "(1, 'new', sha256('2'), 7)"),
    ("idempotency_keys_effect_check", KEY + "(1, 'new', sha256('2'), NULL)"),
    ("idempotency_keys_effect_check", "UPDATE idempotency_keys SET movement_id = 1"),
]

# An id that is handed out by its sequence can't be taken: these have no case above.
NEVER = {"users_pkey", "sessions_pkey", "products_pkey", "orders_pkey", "stock_movements_pkey"}


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


def test_with_a_user_goes_whatever_let_them_in(books: psycopg.Connection[Any]) -> None:
    books.execute("DELETE FROM users WHERE name = 'Bob'")

    for table in ("identities", "sessions", "refresh_tokens"):
        assert books.execute(SQL("SELECT FROM {}").format(Identifier(table))).fetchall() == []
    keys = books.execute("SELECT user_id FROM idempotency_keys").fetchall()
    assert keys == [(1,)]
    assert books.execute("SELECT FROM stock_movements WHERE id = 1").rowcount == 1


@pytest.mark.parametrize("table", ["users", "sessions", "products", "orders", "stock_movements"])
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
        "users.password_hash",
        "sessions.cookie_hash",
        "refresh_tokens.parent",
        "refresh_tokens.seed",
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
    "users_role_check": "NewRole takes these two words",
    "users_password_hash_check": "bcrypt writes it",
    "identities_pkey": "an identity that is known by now is looked at again",
    "identities_subject_check": "what a provider says is checked",
    "identities_user_id_fkey": "written after the user was, or while it is locked",
    "oauth_logins_pkey": "a random number of 256 bits",
    "oauth_logins_state_hash_check": "SHA-256 is as long as it is",
    "oauth_logins_return_to_check": "the service takes fewer paths",
    "sessions_user_id_fkey": "written while the user is locked",
    "sessions_cookie_hash_key": "a random number of 256 bits",
    "sessions_cookie_hash_check": "SHA-256 is as long as it is",
    "sessions_times_check": "a lifetime is at least a second",
    "refresh_tokens_pkey": "a random number of 256 bits",
    "refresh_tokens_hash_check": "SHA-256 is as long as it is",
    "refresh_tokens_session_id_fkey": "answered as unknown, see refresh_tokens.py",
    "refresh_tokens_parent_key": "answered with what was given first, see refresh_tokens.py",
    "refresh_tokens_seed_check": "parent and seed are written together",
    "refresh_tokens_access_jti_key": "a random number of 122 bits",
    "revoked_tokens_pkey": "who denies a session's tokens has locked it, and deletes it",
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
    answered = set(VIOLATIONS)

    assert not answered & UNREACHABLE.keys()
    assert constraints(books) - NEVER == answered | UNREACHABLE.keys()
