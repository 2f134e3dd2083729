"""Plans: PostgreSQL answers a request from the indexes made for it; lists that have none are named.

UNINDEXED holds them: schema.sql tells why for products, and users are few beside what they order.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, LiteralString
from unittest.mock import patch

import httpx
import psycopg
import pytest

from phase4_layered import dependencies
from phase4_layered.main import create_app
from phase4_layered.repositories.database import connection_settings
from phase4_layered.repositories.unit_of_work import PostgresUnitOfWork
from phase4_layered.services.retention import AT_ONCE, KEPT

from .conftest import ADMIN, as_user

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from phase4_layered.settings import Settings

# Each product was ordered five times, one piece at a time; an order in a thousand was cancelled.
SEED: tuple[LiteralString, ...] = (
    """
    INSERT INTO users (name, email)
    SELECT 'User ' || i, 'user' || i || '@example.com'
      FROM generate_series(1, 5000) AS i
    """,
    """
    INSERT INTO products (sku, name, price, stock)
    SELECT 'SKU-' || i, 'Product ' || md5(i::text), i, 995
      FROM generate_series(1, 20000) AS i
    """,
    """
    INSERT INTO orders (user_id, status, total, placed_at)
    SELECT 1 + i % 4999, CASE i % 1000 WHEN 0 THEN 'cancelled' ELSE 'placed' END, 200,
           now() - i * interval '1 minute'
      FROM generate_series(1, 50000) AS i
    """,
    """
    INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
    SELECT 1 + i / 2, 1 + i % 20000, 1, 'Product', 100
      FROM generate_series(0, 99999) AS i
    """,
    """
    INSERT INTO stock_movements (product_id, quantity, reason)
    SELECT id, 1000, 'initial'
      FROM products
    """,
    """
    INSERT INTO stock_movements (product_id, quantity, reason, order_id)
    SELECT product_id, -quantity, 'order', order_id
      FROM order_items
    """,
    """
    INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, created_at)
    SELECT user_id, 'key-' || id, sha256(id::text::bytea), id, placed_at
      FROM orders
    """,
    """
    INSERT INTO revoked_tokens (jti, expires_at)
    SELECT gen_random_uuid(), now() + interval '15 minutes'
      FROM generate_series(1, 5000)
    """,
    # VACUUM also sorts into the GIN index what its list of pending entries holds.
    "VACUUM (ANALYZE)",
)

EXPLAINING: tuple[LiteralString, ...] = (
    "LOAD 'auto_explain'",
    "SET auto_explain.log_min_duration = 0",
    "SET auto_explain.log_nested_statements = on",  # foreign keys are checked by statements, too
    "SET client_min_messages = log",
)


@pytest.fixture(scope="module")
def full(settings: Settings) -> Settings:
    """Fill the database, so that reading a whole table would be a bad idea."""
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        for statement in SEED:
            conn.execute(statement)
    return settings


class Plans(list[str]):
    """The plans of whatever a connection runs."""

    def add(self, notice: psycopg.errors.Diagnostic) -> None:
        """Take in what auto_explain says."""
        if "plan:" in (text := notice.message_primary or ""):
            self.append(text)


class OneConnection:
    """Stands in for the pool."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self._conn = conn

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncGenerator[PostgresUnitOfWork]:
        """Lend it."""
        yield PostgresUnitOfWork(self._conn)


Connection = psycopg.AsyncConnection[Any]


@asynccontextmanager
async def explained(settings: Settings) -> AsyncGenerator[tuple[Connection, Plans]]:
    """Connect as the service does, and have every statement explained."""
    plans = Plans()
    kwargs: dict[str, Any] = connection_settings(settings)
    async with await psycopg.AsyncConnection.connect(settings.database_url, **kwargs) as conn:
        for statement in EXPLAINING:
            await conn.execute(statement)
        conn.add_notice_handler(plans.add)
        yield conn, plans


@asynccontextmanager
async def serving(settings: Settings) -> AsyncGenerator[tuple[httpx.AsyncClient, Plans]]:
    """Serve, here, on such a connection."""
    async with explained(settings) as (conn, plans):
        with patch.object(dependencies, "Database", return_value=OneConnection(conn)):
            app = create_app(settings)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
            http.headers.update(as_user(ADMIN))
            yield http, plans


async def plans_of(settings: Settings, method: str, path: str, request: dict[str, Any]) -> str:
    """Send a request to the service; returns how it was answered from the database."""
    async with serving(settings) as (http, plans):
        answer = await http.request(method, path, **request)
    assert answer.is_success, answer.text
    return "\n".join(plans)


async def plans_of_work(
    settings: Settings, do: Callable[[PostgresUnitOfWork], Awaitable[object]]
) -> str:
    """Do something below the services, and undo it; returns how PostgreSQL went about it."""
    async with explained(settings) as (conn, plans):
        async with conn.transaction(force_rollback=True):
            assert await do(PostgresUnitOfWork(conn)) is not None
        return "\n".join(plans)


LINES = {"items": [{"product_id": 78, "quantity": 1}]}
ORDER = {"json": LINES, "headers": {"Idempotency-Key": "once"}}
RETRY = {"json": LINES, "headers": {"Idempotency-Key": "twice"}}

REQUESTS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "an order": ("POST /orders", ORDER, {"products_pkey", "idempotency_keys_pkey", "users_pkey"}),
    "a cancel": (
        "POST /orders/77/cancel",
        {},
        {"orders_pkey", "order_items_pkey", "products_pkey"},
    ),
    "a restock": (
        "POST /products/77/restock",
        {"json": {"quantity": 1}, "headers": {"Idempotency-Key": "again"}},
        {"products_pkey", "idempotency_keys_pkey"},
    ),
    "an order's lines": ("GET /orders/77", {}, {"orders_pkey", "order_items_pkey"}),
    "all orders": ("GET /orders", {}, {"orders_placed_at_idx"}),
    "placed orders": ("GET /orders?status=placed", {}, {"orders_placed_at_idx"}),
    "cancelled orders": ("GET /orders?status=cancelled", {}, {"orders_cancelled_idx"}),
    "a user": ("GET /users/77", {}, {"users_pkey"}),
    "a user's e-mail": ("GET /users?email=USER77@example.com", {}, {"users_email_key"}),
    "the newest users": ("GET /users?sort=-created_at", {}, {"users_created_at_idx"}),
    "a user's orders": ("GET /orders?user_id=77", {}, {"orders_user_id_placed_at_idx"}),
    "a user's cancelled orders": (
        "GET /orders?user_id=77&status=cancelled",
        {},
        {"orders_user_id_placed_at_idx"},
    ),
    "one's own orders": (
        "GET /orders",
        {"headers": as_user(77)},
        {"orders_user_id_placed_at_idx", "users_pkey", "revoked_tokens_pkey"},
    ),
    "a user's summary": ("GET /users/77/summary", {}, {"orders_user_id_placed_at_idx"}),
    "a user's end": ("DELETE /users/5000", {}, {"users_pkey", "orders_user_id_placed_at_idx"}),
    "a product": ("GET /products/77", {}, {"products_pkey"}),
    "the first products": ("GET /products", {}, {"products_pkey"}),
    "a product's SKU": ("GET /products?sku=sku-77", {}, {"products_sku_key"}),
    "a product's name": ("GET /products?q=zanzibar", {}, {"products_name_idx"}),
    "a product's change": ("PATCH /products/77", {"json": {"price": 1}}, {"products_pkey"}),
    "a product's ledger": (
        "GET /products/77/movements",
        {},
        {"products_pkey", "stock_movements_product_id_idx"},
    ),
    "the best sellers": (
        "GET /reports/best-sellers",
        {},
        {"orders_placed_at_idx", "order_items_pkey"},
    ),
}

WHOLE = {
    "the newest users": {"users"},  # a page tells how many there are in all
    "the first products": {"products"},  # likewise
    "the best sellers": {"products"},  # any of them may be among the best
    "a user's end": {"identities", "sessions"},  # of which there are none here
}

UNINDEXED = {
    "/products?sort=price": "products",
    "/products?sort=-name": "products",
    "/products?sort=stock": "products",
    "/products?price_from=100&price_to=199": "products",
    "/products?in_stock=false": "products",
    "/users?name=77": "users",
    "/users?sort=name": "users",
    "/users?sort=-email": "users",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_answered_from_the_indexes_made_for_it(name: str, full: Settings) -> None:
    line, request, indexes = REQUESTS[name]
    method, path = line.split()

    plans = asyncio.run(plans_of(full, method, path, request))

    assert {index for index in indexes if f" {index} " not in plans} == set(), plans
    assert set(re.findall(r"Seq Scan on (\w+)", plans)) <= WHOLE.get(name, set())


@pytest.mark.parametrize("path", UNINDEXED)
def test_a_list_without_an_index_reads_its_own_table_alone(path: str, full: Settings) -> None:
    plans = asyncio.run(plans_of(full, "GET", path, {}))

    assert set(re.findall(r"Seq Scan on (\w+)", plans)) == {UNINDEXED[path]}


def test_a_retry_is_answered_from_the_indexes_made_for_it(full: Settings) -> None:
    asyncio.run(plans_of(full, "POST", "/orders", RETRY))

    plans = asyncio.run(plans_of(full, "POST", "/orders", RETRY))

    for index in ("idempotency_keys_pkey", "orders_pkey", "order_items_pkey"):
        assert f" {index} " in plans
    assert "Seq Scan" not in plans


def test_old_keys_are_found_by_their_age(full: Settings) -> None:
    plans = asyncio.run(plans_of_work(full, lambda work: work.retention.forget_keys(KEPT, AT_ONCE)))

    assert " idempotency_keys_created_at_idx " in plans
