"""The pool: a bounded number of connections, every one of which comes back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from shared.fixtures import IMPATIENT
from shared.witness import eventually, locked, waiting_for_locks

from .conftest import ask_order, new_order, new_product, new_user

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.servers import Server


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve with one connection, and room for one request that waits for it."""
    narrow = {"POOL_MAX_SIZE": "1", "POOL_MAX_WAITING": "1"}
    return serve(env={**IMPATIENT, **narrow, "DATABASE_URL": database_url})


def test_a_connection_returns_after_every_kind_of_failure(http: httpx.Client) -> None:
    user = new_user(http)
    product = new_product(http, stock=10)
    new_order(http, user, {product: 1})
    email = http.get(f"/users/{user}").json()["email"]
    # More of each than there are connections: a leak of one would end the service.
    for _ in range(3):
        taken = http.post("/users", json={"name": "Eve", "email": email})
        assert taken.status_code == 409
        assert http.delete(f"/users/{user}").status_code == 409
        assert ask_order(http, user, {}).status_code == 422
        assert ask_order(http, user, {product: 10}).status_code == 409
        assert ask_order(http, 4611686018427387904, {product: 1}).status_code == 422
        assert http.get("/users/4611686018427387904").status_code == 404
    assert http.get(f"/users/{user}").status_code == 200


def test_a_slow_statement_is_ended_and_the_rest_turned_away(
    http: httpx.Client, base_url: str, database_url: str
) -> None:
    user = new_user(http)
    with ThreadPoolExecutor() as threads, locked(database_url, "orders") as conn:

        def fetch(path: str) -> httpx.Response:
            return httpx.get(base_url + path, timeout=10)

        slow = threads.submit(fetch, "/orders")
        eventually(lambda: waiting_for_locks(conn) == 1)
        queued = threads.submit(fetch, f"/users/{user}/summary")
        answers = [slow.result(), queued.result()]

    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
    assert http.get("/orders").status_code == 200
    assert http.get(f"/users/{user}/summary").status_code == 200


def test_a_deadlock_is_no_outage(http: httpx.Client, serve: Serve, database_url: str) -> None:
    server = serve(env={"DATABASE_URL": database_url})
    user, wanted = new_user(http), f"wanted.{time.monotonic_ns()}@example.com"

    def patch() -> httpx.Response:
        return httpx.patch(f"{server.url}/users/{user}", json={"email": wanted}, timeout=15)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        ours.execute("INSERT INTO users (name, email) VALUES ('Eve', %(email)s)", {"email": wanted})
        with psycopg.connect(database_url, autocommit=True) as watching:
            patching = threads.submit(patch)
            eventually(lambda: waiting_for_locks(watching) == 1)
        # PostgreSQL ends the one who has waited longest, which is not us.
        ours.execute("UPDATE users SET name = 'Eve' WHERE id = %(id)s", {"id": user})
        answer = patching.result()

    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")


def test_beyond_the_queue_a_request_is_turned_away_at_once(
    http: httpx.Client, base_url: str, database_url: str
) -> None:
    with ThreadPoolExecutor(8) as threads, locked(database_url, "products") as conn:

        def fetch(number: int) -> int:
            return httpx.get(f"{base_url}/products?offset={number}", timeout=10).status_code

        first = threads.submit(fetch, 0)
        eventually(lambda: waiting_for_locks(conn) == 1)
        rest = list(threads.map(fetch, range(1, 8)))

    assert set(rest) == {503}
    assert first.result() in {200, 503}  # by whether the lock was gone before its time was up
    assert http.get("/readyz").status_code == 200


def test_reports_leave_connections_for_orders(serve: Serve, database_url: str) -> None:
    server = serve(env={"DATABASE_URL": database_url})

    def report() -> httpx.Response:
        return httpx.get(f"{server.url}/reports/best-sellers", timeout=10)

    with ThreadPoolExecutor() as threads, locked(database_url, "orders") as conn:
        made = [threads.submit(report) for _ in range(2)]
        eventually(lambda: waiting_for_locks(conn) == 2)
        one_more = report()
        conn.rollback()

    assert (one_more.status_code, one_more.json()["code"]) == (503, "overloaded")
    assert [each.result().status_code for each in made] == [200, 200]
    assert report().status_code == 200
