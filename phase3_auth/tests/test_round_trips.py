"""Round trips: what a request costs between service and PostgreSQL, which is most of its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import make_conninfo

from .conftest import ask_order, new_key, new_order, new_product, new_sku, new_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .steps import Steps


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, steps: Steps) -> Server:
    """Serve over one connection, which prepares each statement once."""
    through = make_conninfo(database_url, host="127.0.0.1", port=steps.port)
    return serve(env={"POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "1", "DATABASE_URL": through})


@pytest.fixture
def ids(http: httpx.Client) -> dict[str, int]:
    """Give a user with two orders of two products."""
    user, products = new_user(http), [new_product(http, 1000) for _ in range(2)]
    orders = [new_order(http, user, dict.fromkeys(products, 1))["id"] for _ in range(2)]
    return {"user": user, "product": products[0], "order": orders[0]}


def cost(steps: Steps, send: Callable[[], httpx.Response]) -> int:
    """Count the round trips of a request; its statements were prepared by one before it."""
    send()
    before = steps.round_trips
    answer = send()
    assert answer.is_success, answer.text
    return steps.round_trips - before


# A search is planned for its pattern: BEGIN, a setting, the query, COMMIT.
@pytest.mark.parametrize(
    ("path", "round_trips"),
    [
        ("/orders/{order}", 1),
        ("/orders?limit=1", 1),
        ("/orders?limit=100&user_id={user}&status=placed", 1),
        ("/products/{product}", 1),
        ("/products?limit=100&in_stock=true&sort=-price", 1),
        ("/products?q=tea", 4),
        ("/products/{product}/movements?limit=100", 1),
        ("/users/{user}/summary", 1),
        ("/reports/best-sellers?top=100", 1),
    ],
)
def test_a_read_is_one_round_trip_however_many_rows_it_gives(
    path: str, round_trips: int, ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    assert cost(steps, lambda: http.get(path.format(**ids))) == round_trips


def test_an_order_is_one_round_trip_however_many_lines_it_has(
    http: httpx.Client, steps: Steps
) -> None:
    user, products = new_user(http), [new_product(http) for _ in range(20)]

    for lines in (1, 2, 20):
        items = dict.fromkeys(products[:lines], 1)

        assert cost(steps, lambda items=items: ask_order(http, user, items)) == 1


def test_a_retry_asks_for_the_key_and_for_the_order(
    ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    key = new_key()

    def order() -> httpx.Response:
        return ask_order(http, ids["user"], {ids["product"]: 1}, key)

    order()

    assert cost(steps, order) == 2


def test_a_cancel_costs_as_much_for_twenty_lines_as_for_one(
    http: httpx.Client, steps: Steps
) -> None:
    user, products = new_user(http), [new_product(http) for _ in range(20)]

    for lines in (1, 20):
        orders = iter([new_order(http, user, dict.fromkeys(products[:lines], 1)) for _ in "ab"])

        def cancel(orders: Iterator[dict[str, Any]] = orders) -> httpx.Response:
            return http.post(f"/orders/{next(orders)['id']}/cancel")

        # BEGIN, the status, the stock, the order to show, COMMIT.
        assert cost(steps, cancel) == 5


# BEGIN, the stock, COMMIT; a key is locked and looked for before, and written after.
@pytest.mark.parametrize(("key", "round_trips"), [(None, 3), (new_key, 6)])
def test_a_restock_costs_three_round_trips_more_with_a_key(
    key: Callable[[], str] | None,
    round_trips: int,
    ids: dict[str, int],
    http: httpx.Client,
    steps: Steps,
) -> None:
    def restock() -> httpx.Response:
        headers = {"Idempotency-Key": key()} if key else {}
        path = f"/products/{ids['product']}/restock"
        return http.post(path, json={"quantity": 1}, headers=headers)

    assert cost(steps, restock) == round_trips


def test_writing_one_row_is_one_round_trip(
    ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    def create() -> httpx.Response:
        fields = {"sku": new_sku(), "name": "Pot", "price": 900, "stock": 5}
        return http.post("/products", json=fields)

    def change() -> httpx.Response:
        return http.patch(f"/products/{ids['product']}", json={"price": 1})

    assert [cost(steps, create), cost(steps, change)] == [1, 1]
