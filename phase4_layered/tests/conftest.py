"""What the inside tests share: people, products, orders, and the books that have to balance."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from phase4_layered.adapters.access_tokens import AccessTokens
from phase4_layered.domain.clock import utc_now
from phase4_layered.domain.sessions import AccessToken
from phase4_layered.settings import Settings
from shared import databases
from shared.witness import eventually

from .movable_clock import START, MovableClock
from .steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


ADMIN = 1
"""The first admin, who is the first user that each database gets."""

KEY = secrets.token_hex(16)
"""The services under test sign with it, and so do we: no test has to log in to be somebody."""

TOKENS = AccessTokens({"tests": SecretStr(KEY)}, "shop", "shop-api")


@pytest.fixture(scope="module")
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Let services sign with our key."""
    return environment | {"JWT_KEYS": f"tests:{KEY}"}


@pytest.fixture(scope="module")
def settings(environment: dict[str, str], database_url: str) -> Settings:
    """Read what a service is given, for one that is to run in here."""
    known = {name: environment.get(name.upper()) for name in Settings.model_fields}
    given: dict[str, Any] = {name: text for name, text in known.items() if text is not None}
    return Settings(**given, database_url=database_url)


@pytest.fixture
def clean_database(database_url: str) -> str:
    """Give the module's database with the first admin in it and nothing else.

    The command that makes an admin would be another process to start for each test.
    """
    with psycopg.connect(database_url, autocommit=True) as conn:
        known = conn.execute("SELECT name, email, password_hash FROM users WHERE id = %s", [ADMIN])
        admin = known.fetchone()
        databases.empty(database_url)
        conn.execute(
            "INSERT INTO users (name, email, password_hash, role) VALUES (%s, %s, %s, 'admin')",
            admin,
        )
    return database_url


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Look into the database."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def http(http: httpx.Client) -> httpx.Client:
    """Open a client of the server under test that speaks as the first admin, unless told others."""
    http.headers.update(as_user(ADMIN))
    return http


@pytest.fixture(scope="module")
def steps(database_url: str) -> Iterator[Steps]:
    """Stand between the service and PostgreSQL."""
    parts = conninfo_to_dict(database_url)
    with Steps(str(parts["host"]), int(parts["port"] or 5432)) as steps:
        yield steps


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Put figures into the report of a run: `pytest --junit-xml`."""
    return lambda what, count: request.node.user_properties.append((what, count))


@pytest.fixture
def stranger(base_url: str) -> Iterator[httpx.Client]:
    """Open a client of the server under test that doesn't say who it is."""
    with httpx.Client(base_url=base_url, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the file that tells a service what time it is (movable_clock.py)."""
    file = tmp_path_factory.mktemp("clock") / "now"
    MovableClock(file).set(START)
    return file


@pytest.fixture
def clock(clock_file: Path) -> Iterator[MovableClock]:
    """Give the clock that the file is; a test leaves it at a whole second: tokens know no other."""
    clock = MovableClock(clock_file)
    yield clock
    clock.set(clock().replace(microsecond=0) + timedelta(seconds=1))


@cache
def as_user(user_id: int) -> dict[str, str]:
    """Speak for a user, who need not exist, with a token that no login has handed out."""
    now = utc_now()
    token = AccessToken(user_id, uuid4(), now, now + timedelta(hours=1))
    return {"Authorization": f"Bearer {TOKENS.sign(token)}"}


def new_user(http: httpx.Client, name: str = "Ada") -> int:
    """Create a user; returns the id."""
    email = f"{name}.{secrets.token_hex(8)}@example.com"
    return _created(http.post("/users", json={"name": name, "email": email}))["id"]


def new_product(http: httpx.Client, stock: int = 10, price: int = 250, name: str = "Tea") -> int:
    """Create a product; returns the id."""
    fields = {"sku": new_sku(), "name": name, "price": price, "stock": stock}
    return _created(http.post("/products", json=fields))["id"]


def new_order(http: httpx.Client, user_id: int, items: dict[int, int]) -> dict[str, Any]:
    """Order as many pieces of each product; returns the order."""
    return _created(ask_order(http, user_id, items))


def ask_order(
    http: httpx.Client, user_id: int, items: dict[int, int], key: str | None = None
) -> httpx.Response:
    """Ask for an order as that user, with a new key if none is given; returns what is answered."""
    order = {"items": [{"product_id": each, "quantity": items[each]} for each in items]}
    headers = {"Idempotency-Key": key or new_key(), **as_user(user_id)}
    return http.post("/orders", json=order, headers=headers)


def new_key() -> str:
    """Make an idempotency key that nobody has used."""
    return secrets.token_hex(16)


def new_sku() -> str:
    """Make a SKU that nobody has used."""
    return f"SKU-{secrets.token_hex(8).upper()}"


def stock_of(http: httpx.Client, product_id: int) -> int:
    """Ask how many pieces of a product there are."""
    return http.get(f"/products/{product_id}").raise_for_status().json()["stock"]


def insist(send: Callable[[], httpx.Response], within: float = 30.0) -> httpx.Response:
    """Send a request until it is answered for good, as a client does that wants to be sure."""
    answers: list[httpx.Response] = []

    def answered() -> bool:
        with suppress(httpx.TransportError):
            answers.append(send())
            return not may_be_repeated(answers[-1])
        return False

    eventually(answered, within)
    return answers[-1]


def may_be_repeated(answer: httpx.Response) -> bool:
    """Tell whether an answer asks for patience."""
    return answer.status_code == 503 or (
        answer.status_code == 409 and answer.json()["code"] == "request_in_flight"
    )


# Each finds rows that must not be, whatever was asked, killed or cut before.
IMBALANCES: dict[str, LiteralString] = {
    "stock is not the sum of its movements": """
        SELECT products.id, products.stock, COALESCE(sum(moved.quantity), 0) AS moved
          FROM products
          LEFT JOIN stock_movements AS moved ON moved.product_id = products.id
         GROUP BY products.id
        HAVING products.stock <> COALESCE(sum(moved.quantity), 0)
        """,
    "total is not the sum of the lines, or there are none": """
        SELECT orders.id, orders.total, sum(line.quantity * line.unit_price) AS lines
          FROM orders
          LEFT JOIN order_items AS line ON line.order_id = orders.id
         GROUP BY orders.id
        HAVING orders.total IS DISTINCT FROM sum(line.quantity * line.unit_price)
        """,
    "a line has other movements than its order's status says": """
        SELECT line.order_id, line.product_id, orders.status, line.quantity,
               array_agg(moved.quantity ORDER BY moved.id) AS moved
          FROM order_items AS line
          JOIN orders ON orders.id = line.order_id
          LEFT JOIN stock_movements AS moved
                 ON (moved.order_id, moved.product_id) = (line.order_id, line.product_id)
         GROUP BY line.order_id, line.product_id, orders.status
        HAVING array_agg(moved.quantity ORDER BY moved.id) IS DISTINCT FROM
               CASE orders.status
                   WHEN 'placed' THEN ARRAY[-line.quantity]
                   WHEN 'cancelled' THEN ARRAY[-line.quantity, line.quantity]
               END
        """,
    "two keys stand for one effect": """
        SELECT order_id, movement_id, array_agg(key) AS keys
          FROM idempotency_keys
         GROUP BY order_id, movement_id
        HAVING count(*) > 1
        """,
}


def books_balance(conn: psycopg.Connection[Any]) -> None:
    """Check what must be true of the whole database at any moment, by one look at all of it."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {what: conn.execute(query).fetchall() for what, query in IMBALANCES.items()}
    assert not any(found.values()), {what: rows for what, rows in found.items() if rows}


def _created(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return answer.json()
