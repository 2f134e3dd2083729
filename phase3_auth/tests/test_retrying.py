"""Retrying: what PostgreSQL gave up for another's sake is done after all, or refused in the end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from phase3_auth.retrying import PAUSES
from shared.witness import eventually, waiting_for_locks

from .conftest import ask_order, books_balance, new_key, new_order, new_product, new_user, stock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    Send = Callable[[], httpx.Response]

# Whoever writes to the ledger has to pass this. The sequence goes on counting when all else is
# rolled back.
HURDLE = """
    CREATE SEQUENCE attempts;
    CREATE TABLE hurdle (failures bigint NOT NULL, code text NOT NULL);
    INSERT INTO hurdle VALUES (0, '40001');

    CREATE FUNCTION fail_at_first() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        hurdle hurdle;
    BEGIN
        SELECT * FROM hurdle INTO hurdle;
        IF nextval('attempts') <= hurdle.failures THEN
            RAISE EXCEPTION 'Not yet.' USING ERRCODE = hurdle.code;
        END IF;
        RETURN NULL;
    END;
    $$;

    CREATE TRIGGER fail_at_first BEFORE INSERT ON stock_movements
        FOR EACH STATEMENT EXECUTE FUNCTION fail_at_first();

    -- At this level PostgreSQL gives up where at READ COMMITTED it would look again.
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''',
                       current_database());
    END $$;
    """


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve from a database that gives transactions up."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(HURDLE)
    return serve(env={"DATABASE_URL": database_url})


@pytest.fixture
def conn(server: Server, database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Open a connection that gets in the way."""
    del server  # has set the database up
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield conn
        conn.execute("UPDATE hurdle SET failures = 0")


def an_order(http: httpx.Client, product: int) -> Send:
    """Order one piece."""
    user, key = new_user(http), new_key()
    return lambda: ask_order(http, user, {product: 1}, key)


def a_cancel(http: httpx.Client, product: int) -> Send:
    """Give one piece back."""
    order = new_order(http, new_user(http), {product: 1})
    return lambda: http.post(f"/orders/{order['id']}/cancel")


def a_restock(http: httpx.Client, product: int) -> Send:
    """Bring one piece."""
    path, key = f"/products/{product}/restock", {"Idempotency-Key": new_key()}
    return lambda: http.post(path, json={"quantity": 1}, headers=key)


EACH_CHANGE = pytest.mark.parametrize("prepare", [an_order, a_cancel, a_restock])


@EACH_CHANGE
def test_a_change_that_could_not_be_serialized_is_made_on_what_is_true_now(
    prepare: Callable[[httpx.Client, int], Send],
    http: httpx.Client,
    conn: psycopg.Connection[Any],
) -> None:
    product = new_product(http)
    send = prepare(http, product)
    before = stock_of(http, product)

    with ThreadPoolExecutor() as threads:
        with conn.transaction():
            level = conn.execute("SHOW transaction_isolation").fetchone()
            conn.execute("UPDATE products SET name = 'Changed' WHERE id = %s", [product])
            answer = threads.submit(send)
            eventually(lambda: waiting_for_locks(conn) == 1)
        assert answer.result().is_success, answer.result().text

    assert level == ("repeatable read",)
    assert abs(stock_of(http, product) - before) == 1
    books_balance(conn)


def test_a_deadlock_is_nobodys_error(http: httpx.Client, conn: psycopg.Connection[Any]) -> None:
    user, first, second = new_user(http), new_product(http), new_product(http)
    lock = "SELECT FROM products WHERE id = %s FOR UPDATE"

    with ThreadPoolExecutor() as threads:
        with conn.transaction():
            conn.execute(lock, [second])
            answer = threads.submit(ask_order, http, user, {first: 1, second: 1})
            eventually(lambda: waiting_for_locks(conn) == 1)
            # Now it waits for us and we for it. It has waited longer, so it is first to look for a
            # deadlock, and the one that gives up: only then do we get the lock.
            conn.execute(lock, [first])
            given_up = not answer.done()
        assert answer.result().status_code == 201

    assert given_up
    assert [stock_of(http, product) for product in (first, second)] == [9, 9]


@EACH_CHANGE
@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_the_last_attempt_may_succeed(
    code: str,
    prepare: Callable[[httpx.Client, int], Send],
    http: httpx.Client,
    conn: psycopg.Connection[Any],
) -> None:
    send = prepare(http, new_product(http))
    fail(conn, len(PAUSES) - 1, code)

    answer = send()

    assert answer.is_success
    assert attempts(conn) == len(PAUSES)
    books_balance(conn)


@EACH_CHANGE
def test_after_the_last_attempt_the_service_says_so_and_nothing_is_changed(
    prepare: Callable[[httpx.Client, int], Send],
    http: httpx.Client,
    conn: psycopg.Connection[Any],
) -> None:
    product = new_product(http)
    send = prepare(http, product)
    before = stock_of(http, product)
    fail(conn, 1000)

    answer = send()

    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    assert answer.headers["retry-after"] == "1"
    assert attempts(conn) == len(PAUSES)
    assert stock_of(http, product) == before
    fail(conn, 0)
    assert send().is_success
    books_balance(conn)


def fail(conn: psycopg.Connection[Any], failures: int, code: str = "40001") -> None:
    """Give up so many transactions from now on."""
    conn.execute("SELECT setval('attempts', 1, FALSE)")
    conn.execute("UPDATE hurdle SET failures = %s, code = %s", [failures, code])


def attempts(conn: psycopg.Connection[Any]) -> int:
    """Count those that came to the hurdle."""
    rows = conn.execute("SELECT last_value FROM attempts").fetchall()
    return rows[0][0]
