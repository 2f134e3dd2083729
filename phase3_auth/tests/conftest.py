"""What the inside tests share: people, products, orders, and the books that have to balance."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, LiteralString

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.witness import eventually

from .steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg


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
    """Ask for an order, with a new key if none is given; returns whatever is answered."""
    order = {
        "user_id": user_id,
        "items": [{"product_id": each, "quantity": items[each]} for each in items],
    }
    return http.post("/orders", json=order, headers={"Idempotency-Key": key or new_key()})


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
