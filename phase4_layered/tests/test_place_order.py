"""The order's one statement, seen from a connection that stands in its way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
from psycopg.errors import LockNotAvailable

from shared.witness import eventually, waiting_for_locks

from .conftest import ask_order, new_order, new_product, new_user, stock_of

if TYPE_CHECKING:
    import httpx


def lock(conn: psycopg.Connection, product_id: int) -> None:
    """Take the lock on a product that an order takes; fails at once if somebody has it."""
    conn.execute(
        "SELECT FROM products WHERE id = %(id)s FOR NO KEY UPDATE NOWAIT", {"id": product_id}
    )


def is_locked(database_url: str, product_id: int) -> bool:
    """Tell whether somebody has that lock."""
    with psycopg.connect(database_url) as conn:
        try:
            lock(conn, product_id)
        except LockNotAvailable:
            return True
    return False


def test_products_are_locked_in_the_order_of_their_ids(
    http: httpx.Client, database_url: str
) -> None:
    user, low, middle, high = new_user(http), *(new_product(http) for _ in range(3))
    for product in (low, middle):  # a new version of a row lies behind the others in the table
        http.patch(f"/products/{product}", json={"price": 1}).raise_for_status()

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        lock(ours, middle)
        asked = threads.submit(ask_order, http, user, {high: 1, low: 1, middle: 1})
        eventually(lambda: waiting_for_locks(ours) == 1)
        locked = [each for each in (low, high) if is_locked(database_url, each)]
        ours.rollback()

    assert locked == [low]
    assert asked.result().status_code == 201


def test_who_waited_for_the_last_piece_is_told_that_it_is_gone(
    http: httpx.Client, database_url: str
) -> None:
    user, product = new_user(http), new_product(http, stock=1)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        lock(ours, product)
        both = [threads.submit(ask_order, http, user, {product: 1}) for _ in range(2)]
        eventually(lambda: waiting_for_locks(ours) == 2)
        ours.rollback()
        answers = [each.result() for each in both]

    won, lost = sorted(answers, key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (201, 409)
    assert lost.json()["shortages"] == [{"product_id": product, "asked": 1, "available": 0}]
    assert stock_of(http, product) == 0


def test_who_waited_gets_what_came_back_meanwhile(http: httpx.Client, database_url: str) -> None:
    user, product = new_user(http), new_product(http, stock=0)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        ours.execute("UPDATE products SET stock = 2 WHERE id = %(id)s", {"id": product})
        asked = threads.submit(ask_order, http, user, {product: 2})
        eventually(lambda: waiting_for_locks(ours) == 1)
        ours.commit()

    assert asked.result().status_code == 201
    assert stock_of(http, product) == 0


def test_an_order_does_not_wait_for_a_product_that_somebody_merely_refers_to(
    http: httpx.Client, database_url: str
) -> None:
    user, product = new_user(http), new_product(http)

    with psycopg.connect(database_url) as ours:
        # What PostgreSQL takes to check a foreign key that points at the product.
        ours.execute("SELECT FROM products WHERE id = %(id)s FOR KEY SHARE", {"id": product})
        answer = ask_order(http, user, {product: 1})

    assert answer.status_code == 201


def test_an_order_and_the_removal_of_its_user_at_once_exclude_each_other(
    http: httpx.Client, database_url: str
) -> None:
    user, product = new_user(http), new_product(http)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        ours.execute("DELETE FROM users WHERE id = %(id)s", {"id": user})
        asked = threads.submit(ask_order, http, user, {product: 1})
        eventually(lambda: waiting_for_locks(ours) == 1)
        ours.commit()
        answer = asked.result()

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop", error="invalid_token"'
    assert stock_of(http, product) == 10


def test_a_user_whose_order_is_being_placed_stays(http: httpx.Client, database_url: str) -> None:
    user, product = new_user(http), new_product(http)

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as ours:
        # What an order does before anything else that lasts, and is not yet committed.
        ours.execute("INSERT INTO orders (user_id, total) VALUES (%(id)s, 0)", {"id": user})
        removed = threads.submit(http.delete, f"/users/{user}")
        eventually(lambda: waiting_for_locks(ours) == 1)
        ours.commit()

    assert removed.result().json()["code"] == "user_has_orders"
    assert ask_order(http, user, {product: 1}).status_code == 201


def test_an_order_whose_pieces_no_longer_fit_on_the_shelf_stays_placed(
    http: httpx.Client, database_url: str
) -> None:
    product = new_product(http)
    order = new_order(http, new_user(http), {product: 1})
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("UPDATE products SET stock = 1000000000 WHERE id = %s", [product])

    answer = http.post(f"/orders/{order['id']}/cancel")

    assert (answer.status_code, answer.json()["code"]) == (409, "stock_limit")
    assert http.get(f"/orders/{order['id']}").json() == order
    assert http.get(f"/products/{product}/movements").json()["items"][0]["reason"] == "order"
