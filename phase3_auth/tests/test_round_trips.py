"""Round trips: what a request costs between service and PostgreSQL, which is most of its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from .conftest import (
    as_user,
    ask_login,
    ask_order,
    ask_refresh,
    bearer,
    log_in,
    new_account,
    new_key,
    new_order,
    new_product,
    new_sku,
    new_user,
    open_session,
)

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


# The first is to know who is asking, which of products anybody may. A search is planned for its
# pattern: BEGIN, a setting, the query, COMMIT.
@pytest.mark.parametrize(
    ("path", "round_trips"),
    [
        ("/orders/{order}", 2),
        ("/orders?limit=1", 2),
        ("/orders?limit=100&user_id={user}&status=placed", 2),
        ("/products/{product}", 1),
        ("/products?limit=100&in_stock=true&sort=-price", 1),
        ("/products?q=tea", 4),
        ("/products/{product}/movements?limit=100", 2),
        ("/users/{user}/summary", 2),
        ("/reports/best-sellers?top=100", 2),
    ],
)
def test_a_read_is_one_round_trip_more_however_many_rows_it_gives(
    path: str, round_trips: int, ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    assert cost(steps, lambda: http.get(path.format(**ids))) == round_trips


def test_an_order_is_one_round_trip_more_however_many_lines_it_has(
    http: httpx.Client, steps: Steps
) -> None:
    user, products = new_user(http), [new_product(http) for _ in range(20)]

    for lines in (1, 2, 20):
        items = dict.fromkeys(products[:lines], 1)

        assert cost(steps, lambda items=items: ask_order(http, user, items)) == 2


def test_a_retry_asks_for_the_key_and_for_the_order_too(
    ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    key = new_key()

    def order() -> httpx.Response:
        return ask_order(http, ids["user"], {ids["product"]: 1}, key)

    order()

    assert cost(steps, order) == 3


def test_a_cancel_costs_as_much_for_twenty_lines_as_for_one(
    http: httpx.Client, steps: Steps
) -> None:
    user, products = new_user(http), [new_product(http) for _ in range(20)]

    for lines in (1, 20):
        orders = iter([new_order(http, user, dict.fromkeys(products[:lines], 1)) for _ in "ab"])

        def cancel(orders: Iterator[dict[str, Any]] = orders) -> httpx.Response:
            return http.post(f"/orders/{next(orders)['id']}/cancel")

        # Who is asking, BEGIN, the status, the stock, the order to show, COMMIT.
        assert cost(steps, cancel) == 6


# Who is asking, BEGIN, the stock, COMMIT; a key is locked and looked for before, and written after.
@pytest.mark.parametrize(("key", "round_trips"), [(None, 4), (new_key, 7)])
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


def test_writing_one_row_is_one_round_trip_more(
    ids: dict[str, int], http: httpx.Client, steps: Steps
) -> None:
    def create() -> httpx.Response:
        fields = {"sku": new_sku(), "name": "Pot", "price": 900, "stock": 5}
        return http.post("/products", json=fields)

    def change() -> httpx.Response:
        return http.patch(f"/products/{ids['product']}", json={"price": 1})

    assert [cost(steps, create), cost(steps, change)] == [2, 2]


# ---------------------------------------------------------------- who is asking


def cost_of_one(
    steps: Steps, prepare: Callable[[], dict[str, str]], send: Callable[[dict[str, str]], object]
) -> int:
    """Count the round trips of a request that needs something new each time."""
    send(prepare())
    prepared = prepare()
    before = steps.round_trips
    send(prepared)
    return steps.round_trips - before


def test_to_know_who_is_asking_costs_the_same_by_a_token_and_by_a_cookie(
    anybody: httpx.Client, steps: Steps
) -> None:
    account = new_account(anybody)
    token, cookie = as_user(account.id), open_session(anybody, account)

    costs = [cost(steps, lambda h=h: anybody.get("/auth/me", headers=h)) for h in (token, cookie)]

    assert costs == [2, 2]


def test_a_cookie_that_comes_back_after_a_minute_is_noted(
    anybody: httpx.Client, steps: Steps, database_url: str
) -> None:
    account = new_account(anybody)

    def used_before() -> dict[str, str]:
        cookie = open_session(anybody, account)
        with psycopg.connect(database_url) as conn:
            conn.execute("UPDATE sessions SET created_at = created_at - interval '2 minutes'")
            conn.execute("UPDATE sessions SET last_used_at = created_at")
        return cookie

    assert cost_of_one(steps, used_before, lambda h: anybody.get("/auth/me", headers=h)) == 3


def test_logging_in_costs_few_round_trips(anybody: httpx.Client, steps: Steps) -> None:
    account = new_account(anybody)

    def by_cookie() -> httpx.Response:
        return ask_login(anybody, account, "/auth/session")

    # The account, and the session with its first token.
    assert cost(steps, lambda: ask_login(anybody, account)) == 2
    # The account, BEGIN, the session, COMMIT.
    assert cost(steps, by_cookie) == 4


def test_a_refresh_is_one_round_trip_and_a_second_look_another(
    anybody: httpx.Client, steps: Steps
) -> None:
    account = new_account(anybody)

    def a_token() -> dict[str, str]:
        return {"refresh_token": log_in(anybody, account).refresh}

    def one_exchanged() -> dict[str, str]:
        ask_refresh(anybody, **(token := a_token())).raise_for_status()
        return token

    def one_long_exchanged() -> dict[str, str]:
        second = ask_refresh(anybody, **(token := a_token())).raise_for_status().json()
        ask_refresh(anybody, second["refresh_token"]).raise_for_status()
        return token

    def refresh(token: dict[str, str]) -> httpx.Response:
        return ask_refresh(anybody, **token)

    assert cost_of_one(steps, a_token, refresh) == 1
    assert cost_of_one(steps, one_exchanged, refresh) == 2
    # BEGIN, the lock, what is denied, the session, COMMIT.
    assert cost_of_one(steps, one_long_exchanged, refresh) == 2 + 5


def test_logging_out_costs_as_much_for_ten_sessions_as_for_one(
    anybody: httpx.Client, steps: Steps
) -> None:
    account = new_account(anybody)

    def log_out(headers: dict[str, str]) -> None:
        anybody.post("/auth/logout", headers=headers).raise_for_status()

    def log_out_everywhere(headers: dict[str, str]) -> None:
        anybody.post("/auth/logout-everywhere", headers=headers).raise_for_status()

    def by_cookie() -> dict[str, str]:
        return open_session(anybody, account)

    def by_token() -> dict[str, str]:
        return bearer(log_in(anybody, account).access)

    def ten_times() -> dict[str, str]:
        return [by_token() for _ in range(10)][-1]

    # Who is asking, BEGIN, the lock, what is denied, the session, COMMIT.
    assert cost_of_one(steps, by_cookie, log_out) == 6
    assert cost_of_one(steps, by_token, log_out) == 7  # which session it is, is to be asked first
    assert cost_of_one(steps, by_token, log_out_everywhere) == 6
    assert cost_of_one(steps, ten_times, log_out_everywhere) == 6


def test_an_account_costs_few_round_trips(
    http: httpx.Client, anybody: httpx.Client, steps: Steps
) -> None:
    account = new_account(anybody)
    same = {"current_password": account.password, "new_password": account.password}
    role = f"/users/{account.id}/role"

    def sign_up(_: dict[str, str]) -> None:
        new_account(anybody)

    def change_password() -> httpx.Response:
        return anybody.post("/auth/password", json=same, headers=as_user(account.id))

    assert cost_of_one(steps, dict, sign_up) == 1
    assert cost(steps, lambda: http.put(role, json={"role": "user"})) == 2
    # Who is asking, the account, BEGIN, the password, our session, all of them, COMMIT.
    assert cost(steps, change_password) == 7
