"""PostgreSQL stops, hangs, or ends connections: 503 in time, and recovery without a restart."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from shared.witness import eventually, waiting_for_locks

from .conftest import books_balance, new_product, new_user

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.proxy import Proxy


def expect_unavailable(answer: httpx.Response, *codes: str) -> None:
    """Check that the refusal is complete."""
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in codes
    assert int(answer.headers["retry-after"]) >= 1


def test_without_a_database_requests_get_503_in_time_and_then_recover(
    through_proxy: httpx.Client, proxy: Proxy
) -> None:
    user = new_user(through_proxy)
    proxy.cut()
    for path in (f"/users/{user}", "/orders", "/products", "/readyz"):
        began = time.monotonic()

        answer = through_proxy.get(path)

        assert time.monotonic() - began < 3  # POOL_TIMEOUT is 0.5
        expect_unavailable(answer, "database_unavailable")
    assert through_proxy.get("/healthz").status_code == 200

    proxy.mend()

    eventually(lambda: through_proxy.get(f"/users/{user}").status_code == 200)


def test_a_database_that_hangs_gets_503_in_time_and_then_recovers(
    through_proxy: httpx.Client, proxy: Proxy
) -> None:
    user = new_user(through_proxy)
    proxy.stall()
    began = time.monotonic()

    answer = through_proxy.get(f"/users/{user}")

    assert time.monotonic() - began < 5  # STATEMENT_TIMEOUT is 1, and a second more
    expect_unavailable(answer, "database_unavailable")

    proxy.flow()

    eventually(lambda: through_proxy.get(f"/users/{user}").status_code == 200)


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_connections_ended_while_idle_are_replaced_unnoticed(
    method: str, through_proxy: httpx.Client, database_url: str
) -> None:
    user = new_user(through_proxy)
    with psycopg.connect(database_url, autocommit=True) as conn:
        ended = conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'phase3_auth'"
        ).fetchall()
    assert ended

    answer = through_proxy.request(method, f"/users/{user}", json={})

    assert answer.status_code == 200


def test_a_service_that_falls_silent_in_a_transaction_keeps_no_lock(
    through_proxy: httpx.Client, proxy: Proxy, database_url: str
) -> None:
    product = new_product(through_proxy)
    lock = "SELECT FROM products WHERE id = %s FOR UPDATE SKIP LOCKED"

    def restock() -> httpx.Response:
        return through_proxy.post(f"/products/{product}/restock", json={"quantity": 5})

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url, autocommit=True) as conn:
        with conn.transaction():
            conn.execute(lock, [product])
            asked = threads.submit(restock)
            eventually(lambda: waiting_for_locks(conn) == 1)
            proxy.stall()
        # The restock gets the row now, and PostgreSQL will hear neither a COMMIT nor a good-bye.
        eventually(lambda: conn.execute(lock, [product]).rowcount == 0)
        expect_unavailable(asked.result(), "database_unavailable")

        eventually(lambda: conn.execute(lock, [product]).rowcount == 1)

        books_balance(conn)


def test_without_its_tables_a_service_is_not_ready(
    through_proxy: httpx.Client, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("ALTER TABLE orders RENAME TO elsewhere")
        answer = through_proxy.get("/readyz")
        conn.execute("ALTER TABLE elsewhere RENAME TO orders")

    expect_unavailable(answer, "database_not_set_up")
    assert through_proxy.get("/readyz").status_code == 200


def test_options_in_the_address_hold(serve: Serve, database_url: str) -> None:
    server = serve(env={"DATABASE_URL": f"{database_url}?options=-c%20search_path%3Delsewhere"})

    answer = httpx.get(f"{server.url}/readyz")

    expect_unavailable(answer, "database_not_set_up")


def test_a_database_that_only_reads_is_an_outage_for_writers(
    through_proxy: httpx.Client, proxy: Proxy, database_url: str
) -> None:
    user = new_user(through_proxy)
    with psycopg.connect(database_url, autocommit=True) as conn:
        database = Identifier(conn.info.dbname)
        read_only = SQL("ALTER DATABASE {} SET default_transaction_read_only = on")
        conn.execute(read_only.format(database))
        proxy.cut()  # what holds is what a connection begins with
        proxy.mend()
        eventually(lambda: through_proxy.get(f"/users/{user}").status_code == 200)

        answer = through_proxy.delete(f"/users/{user}")

        conn.execute(SQL("ALTER DATABASE {} RESET ALL").format(database))
        proxy.cut()
        proxy.mend()

    expect_unavailable(answer, "database_unavailable")
    eventually(lambda: through_proxy.delete(f"/users/{user}").status_code == 204)
