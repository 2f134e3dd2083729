"""The order's one statement, seen from a connection that stands in its way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
from psycopg.errors import LockNotAvailable

from shared.witness import eventually, waiting_for_locks

from .conftest import ask_order, new_product, new_user, stock_of

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
    assert won.status_code == 201
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
