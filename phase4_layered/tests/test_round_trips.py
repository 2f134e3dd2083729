"""Round trips: what a request costs between service and PostgreSQL, which is most of its time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from .conftest import as_user, ask_order, new_key, new_order, new_product, new_sku, new_user
from .people import (
    UNLIMITED,
    ask_cookie,
    ask_refresh,
    ask_tokens,
    log_in,
    new_person,
    open_browser,
    refresh,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .people import Login
    from .steps import Steps

T = TypeVar("T")


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, steps: Steps) -> Server:
    """Serve over one connection, which prepares each statement once."""
    through = make_conninfo(database_url, host="127.0.0.1", port=steps.port)
    one = {"POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "1", "DATABASE_URL": through}
    return serve(env={**UNLIMITED, **one})


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


def cost_of_one(steps: Steps, prepare: Callable[[], T], send: Callable[[T], object]) -> int:
    """Count the round trips of a request that needs something new each time."""
    send(prepare())
    prepared = prepare()
    before = steps.round_trips
    send(prepared)
    return steps.round_trips - before


def test_to_know_who_is_asking_costs_the_same_by_a_token_and_by_a_cookie(
    stranger: httpx.Client, steps: Steps
) -> None:
    ada = new_person(stranger)
    logins = [log_in(stranger, ada), open_browser(stranger, ada)]

    costs = [cost(steps, lambda by=by: see_myself(stranger, by)) for by in logins]

    assert costs == [2, 2]


def test_a_cookie_that_comes_back_after_a_minute_is_noted(
    stranger: httpx.Client, steps: Steps, database_url: str
) -> None:
    ada = new_person(stranger)

    def used_before() -> Login:
        browser = open_browser(stranger, ada)
        with psycopg.connect(database_url) as conn:
            conn.execute("UPDATE sessions SET created_at = created_at - interval '2 minutes'")
            conn.execute("UPDATE sessions SET last_used_at = created_at")
        return browser

    assert cost_of_one(steps, used_before, lambda browser: see_myself(stranger, browser)) == 3


def see_myself(http: httpx.Client, login: Login) -> httpx.Response:
    """Show who one is, and ask who that is."""
    return http.get("/auth/me", headers=login.headers)


def test_logging_in_costs_few_round_trips(stranger: httpx.Client, steps: Steps) -> None:
    ada = new_person(stranger)

    # The account, and the session with its first token.
    assert cost(steps, lambda: ask_tokens(stranger, ada)) == 2
    # The account, BEGIN, the session, COMMIT.
    assert cost(steps, lambda: ask_cookie(stranger, ada)) == 4


def test_a_refresh_is_one_round_trip_and_a_second_look_another(
    stranger: httpx.Client, steps: Steps
) -> None:
    ada = new_person(stranger)

    def exchanged(times: int) -> str:
        first = tokens = log_in(stranger, ada)
        for _ in range(times):
            tokens = refresh(stranger, tokens)
        return first.refresh

    def exchange(token: str) -> None:
        ask_refresh(stranger, token)

    assert cost_of_one(steps, lambda: exchanged(0), exchange) == 1
    assert cost_of_one(steps, lambda: exchanged(1), exchange) == 2
    # BEGIN, the lock, what is denied, the session, COMMIT.
    assert cost_of_one(steps, lambda: exchanged(2), exchange) == 2 + 5


def test_logging_out_costs_as_much_for_ten_sessions_as_for_one(
    stranger: httpx.Client, steps: Steps
) -> None:
    ada = new_person(stranger)

    def log_out(login: Login) -> None:
        stranger.post("/auth/logout", headers=login.headers).raise_for_status()

    def log_out_everywhere(login: Login) -> None:
        stranger.post("/auth/logout-everywhere", headers=login.headers).raise_for_status()

    def by_cookie() -> Login:
        return open_browser(stranger, ada)

    def by_token() -> Login:
        return log_in(stranger, ada)

    def ten_times() -> Login:
        return [log_in(stranger, ada) for _ in range(10)][-1]

    # Who is asking, BEGIN, the lock, what is denied, the session, COMMIT.
    assert cost_of_one(steps, by_cookie, log_out) == 6
    assert cost_of_one(steps, by_token, log_out) == 7  # whose session it is has to be asked first
    assert cost_of_one(steps, by_token, log_out_everywhere) == 6
    assert cost_of_one(steps, ten_times, log_out_everywhere) == 6


def test_an_account_costs_few_round_trips(
    http: httpx.Client, stranger: httpx.Client, steps: Steps
) -> None:
    ada = new_person(stranger)
    same = {"current_password": ada.password, "new_password": ada.password}

    def change_password() -> httpx.Response:
        return stranger.post("/auth/password", json=same, headers=as_user(ada.id))

    def change_role() -> httpx.Response:
        return http.put(f"/users/{ada.id}/role", json={"role": "user"})

    assert cost_of_one(steps, lambda: stranger, new_person) == 1
    assert cost(steps, change_role) == 2
    # Who is asking, the user, the account, BEGIN, the password, our session, all of them, COMMIT.
    assert cost(steps, change_password) == 8
