"""The idempotency key from inside: held while a change is under way, and kept with what it made."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from shared.witness import eventually, waiting_for_locks

from .conftest import ADMIN, as_user, ask_order, new_key, new_product, new_user, stock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

LIMIT = 1_000_000_000  # pieces of a product that can be counted

GATE = """
    CREATE SEQUENCE arrivals MINVALUE 0 START 1;

    -- Stands before the real one, as a door that the test can hold shut for whoever comes next.
    CREATE FUNCTION pg_try_advisory_xact_lock(key bigint) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        IF nextval('arrivals') = 0 THEN
            PERFORM pg_catalog.pg_advisory_xact_lock(0);
        END IF;
        RETURN pg_catalog.pg_try_advisory_xact_lock(key);
    END;
    $$;
    """


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve with two connections, from a database whose own functions come before PostgreSQL's."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(GATE)
        conn.execute(
            """
            DO $$ BEGIN
                EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog',
                               current_database());
            END $$
            """
        )
    return serve(env={"DATABASE_URL": database_url, "POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "2"})


@contextmanager
def holding(database_url: str, product: int) -> Generator[psycopg.Connection[Any]]:
    """Hold a product's row: a change that needs it waits in its middle until we commit."""
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT FROM products WHERE id = %s FOR UPDATE", [product])
        yield conn


def keys_kept(conn: psycopg.Connection[Any], key: str | None = None) -> int:
    """Count what is known of a key, or how many are known."""
    query = "SELECT FROM idempotency_keys WHERE key = COALESCE(%s, key)"
    return len(conn.execute(query, [key]).fetchall())


def restock(http: httpx.Client, product: int, quantity: int, key: str) -> httpx.Response:
    """Bring pieces, under a key; returns whatever is answered."""
    return http.post(
        f"/products/{product}/restock",
        json={"quantity": quantity},
        headers={"Idempotency-Key": key},
    )


def an_order_as_bytes(user: int, product: int, key: str) -> bytes:
    """Write the request for one piece of a product."""
    body = json.dumps({"items": [{"product_id": product, "quantity": 1}]})
    return (
        "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"Authorization: {as_user(user)['Authorization']}\r\n"
        f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def test_while_a_change_is_under_way_its_key_is_refused_at_once_and_then_replayed(
    http: httpx.Client, database_url: str
) -> None:
    user, product, key = new_user(http), new_product(http), new_key()

    with ThreadPoolExecutor() as threads, holding(database_url, product) as conn:
        first = threads.submit(ask_order, http, user, {product: 1}, key)
        eventually(lambda: waiting_for_locks(conn) == 1)
        # More than there are connections: each answer gave its own back.
        meanwhile = [ask_order(http, user, {product: each}, key) for each in (1, 1, 2, 1)]
        waiting = waiting_for_locks(conn)
        conn.commit()
    again = ask_order(http, user, {product: 1}, key)

    assert waiting == 1
    for answer in meanwhile:
        assert (answer.status_code, answer.json()["code"]) == (409, "request_in_flight")
        assert answer.headers["retry-after"] == "1"
    assert (first.result().status_code, again.status_code) == (201, 201)
    assert again.content == first.result().content
    assert stock_of(http, product) == 9


def test_two_keys_are_none(http: httpx.Client) -> None:
    user, product = new_user(http), new_product(http)
    order = {"items": [{"product_id": product, "quantity": 1}]}
    keys = [("Idempotency-Key", new_key()), ("Idempotency-Key", new_key())]

    answer = http.post("/orders", json=order, headers=[*keys, *as_user(user).items()])

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert stock_of(http, product) == 10


def test_white_space_around_a_key_is_no_part_of_it(http: httpx.Client, server: Server) -> None:
    user, product, key = new_user(http), new_product(http), new_key()
    ask_order(http, user, {product: 1}, key).raise_for_status()

    with socket.create_connection((server.host, server.port), timeout=10) as client:
        client.sendall(an_order_as_bytes(user, product, f"  {key} \t"))
        answer = client.recv(65536)

    assert b"idempotent-replayed: true" in answer


def test_a_key_is_one_for_orders_and_restocks(http: httpx.Client, database_url: str) -> None:
    product, key = new_product(http), new_key()

    with ThreadPoolExecutor() as threads, holding(database_url, product) as conn:
        order = threads.submit(ask_order, http, ADMIN, {product: 1}, key)
        eventually(lambda: waiting_for_locks(conn) == 1)
        during = restock(http, product, 1, key)
        conn.commit()

    assert order.result().status_code == 201
    assert (during.status_code, during.json()["code"]) == (409, "request_in_flight")
    assert restock(http, product, 1, key).json()["code"] == "idempotency_key_reused"


def test_two_users_may_think_of_the_same_key(http: httpx.Client, database_url: str) -> None:
    ada, bob, product, key = new_user(http), new_user(http), new_product(http), new_key()

    with ThreadPoolExecutor() as threads, holding(database_url, product) as conn:
        # Neither stands in the other's way: both wait for the product.
        both = [threads.submit(ask_order, http, user, {product: 1}, key) for user in (ada, bob)]
        eventually(lambda: waiting_for_locks(conn) == 2)
        conn.commit()
    again = ask_order(http, bob, {product: 1}, key)
    changed = ask_order(http, bob, {product: 2}, key)

    assert [each.result().json()["user_id"] for each in both] == [ada, bob]
    assert again.content == both[1].result().content
    assert changed.json()["code"] == "idempotency_key_reused"
    assert stock_of(http, product) == 8


def test_a_restock_and_the_removal_of_its_admin_at_once_exclude_each_other(
    http: httpx.Client, database_url: str
) -> None:
    admin, product = new_user(http), new_product(http)
    http.put(f"/users/{admin}/role", json={"role": "admin"}).raise_for_status()
    headers = {"Idempotency-Key": new_key(), **as_user(admin)}

    def send() -> httpx.Response:
        return http.post(f"/products/{product}/restock", json={"quantity": 1}, headers=headers)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as conn:
        conn.execute("DELETE FROM users WHERE id = %s", [admin])
        restocked = threads.submit(send)
        eventually(lambda: waiting_for_locks(conn) == 1)
        conn.commit()
        answer = restocked.result()

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert stock_of(http, product) == 10


def an_order(http: httpx.Client, product: int) -> Callable[[], httpx.Response]:
    """Order three pieces."""
    user, key = new_user(http), new_key()
    return lambda: ask_order(http, user, {product: 3}, key)


def a_restock(http: httpx.Client, product: int) -> Callable[[], httpx.Response]:
    """Bring three pieces."""
    key = new_key()
    return lambda: restock(http, product, 3, key)


# The last pieces, and the last that can be counted: what the first attempt did is what stands in
# the late one's way.
@pytest.mark.parametrize(
    ("prepare", "stock", "left"),
    [(an_order, 10, 7), (an_order, 3, 0), (a_restock, 10, 13), (a_restock, LIMIT - 3, LIMIT)],
)
def test_one_who_looks_before_and_locks_after_another_finishes_gets_that_ones_answer(
    prepare: Callable[[httpx.Client, int], Callable[[], httpx.Response]],
    stock: int,
    left: int,
    http: httpx.Client,
    database_url: str,
) -> None:
    product = new_product(http)
    send = prepare(http, product)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as conn:
        conn.execute("UPDATE products SET stock = %s WHERE id = %s", [stock, product])
        conn.commit()
        conn.execute("SELECT pg_advisory_xact_lock(0), setval('arrivals', 0, FALSE)")
        late = threads.submit(send)
        eventually(lambda: waiting_for_locks(conn) == 1)
        early = send()
        conn.commit()

    assert early.is_success, early.text
    assert late.result().status_code == early.status_code, late.result().text
    assert late.result().content == early.content
    assert stock_of(http, product) == left


def test_a_refused_request_keeps_no_key(http: httpx.Client, database_url: str) -> None:
    user, product, key = new_user(http), new_product(http, stock=1), new_key()
    refused = [
        ask_order(http, user, {product: 2}, key),
        ask_order(http, user, {product: 1, 2**40: 1}, key),
        ask_order(http, 2**40, {product: 1}, key),
        restock(http, 2**40, 1, key),
    ]
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE products SET stock = %s WHERE id = %s", [LIMIT, product])
        conn.commit()
        refused.append(restock(http, product, 1, key))
        kept = keys_kept(conn, key)
        conn.execute("UPDATE products SET stock = 2 WHERE id = %s", [product])

    placed = ask_order(http, user, {product: 2}, key)

    assert [answer.status_code for answer in refused] == [409, 422, 401, 404, 409]
    assert kept == 0
    assert placed.status_code == 201
    assert "idempotent-replayed" not in placed.headers


@pytest.mark.parametrize("prepare", [an_order, a_restock])
def test_key_and_effect_are_committed_together_or_not_at_all(
    prepare: Callable[[httpx.Client, int], Callable[[], httpx.Response]],
    http: httpx.Client,
    database_url: str,
) -> None:
    product = new_product(http)
    send = prepare(http, product)

    with ThreadPoolExecutor() as threads, holding(database_url, product) as conn:
        before = keys_kept(conn)
        ended = threads.submit(send)
        eventually(lambda: waiting_for_locks(conn) == 1)
        conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        kept = [keys_kept(conn) - before]
        conn.commit()
        assert ended.result().json()["code"] == "database_unavailable"
        assert send().is_success
        kept.append(keys_kept(conn) - before)

    assert kept == [0, 1]
    assert stock_of(http, product) in {7, 13}


def test_a_client_that_hangs_up_half_way_gets_its_order_once_and_the_connection_is_free(
    http: httpx.Client, server: Server, database_url: str
) -> None:
    user, product, key = new_user(http), new_product(http), new_key()
    with holding(database_url, product) as conn:
        for _ in range(3):  # more than there are connections
            with socket.create_connection((server.host, server.port)) as client:
                client.sendall(an_order_as_bytes(user, product, key))
                eventually(lambda: waiting_for_locks(conn) == 1)
        conn.commit()

    eventually(lambda: stock_of(http, product) == 9)
    assert ask_order(http, user, {product: 1}, key).headers["idempotent-replayed"] == "true"
    assert len(http.get("/orders", params={"user_id": user}).json()["items"]) == 1
