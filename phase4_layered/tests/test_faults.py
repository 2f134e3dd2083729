"""Faults: whatever breaks at whatever line, a change is made whole or not at all, and once."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from shared.fixtures import IMPATIENT
from shared.witness import eventually, waiting_for_locks

from .conftest import (
    ADMIN,
    as_user,
    ask_order,
    books_balance,
    insist,
    new_key,
    new_order,
    new_product,
    new_user,
    stock_of,
)
from .steps import nothing_else
from .supervisor import is_alive, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.fixtures import Serve
    from shared.servers import Server

    from .steps import Steps


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, steps: Steps) -> Server:
    """Serve over one connection, which is one conversation; start again after each death."""
    through = make_conninfo(database_url, host="127.0.0.1", port=steps.port)
    one = {"POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "1", "DATABASE_URL": through}
    return serve("phase4_layered.tests.supervisor", env={**IMPATIENT, **one})


class Scene(NamedTuple):
    """Who talks to whom, and a look behind the scene."""

    http: httpx.Client
    steps: Steps
    conn: psycopg.Connection[Any]


@pytest.fixture
def scene(http: httpx.Client, steps: Steps, database_url: str) -> Iterator[Scene]:
    """Set it."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        yield Scene(http, steps, conn)


class Change(NamedTuple):
    """A request that changes the books, and a look at whether it has done so once."""

    send: Callable[[], httpx.Response]
    is_made_once: Callable[[], bool]


def an_order(http: httpx.Client) -> Change:
    """Order two products, of which there are ten each."""
    user, key, items = new_user(http), new_key(), {new_product(http): 3, new_product(http): 4}

    def is_made_once() -> bool:
        orders = http.get("/orders", params={"user_id": user}).json()["items"]
        return len(orders) == 1 and [stock_of(http, product) for product in items] == [7, 6]

    return Change(lambda: ask_order(http, user, items, key), is_made_once)


def a_cancel(http: httpx.Client) -> Change:
    """Cancel an order of two products."""
    items = {new_product(http): 3, new_product(http): 4}
    path = f"/orders/{new_order(http, new_user(http), items)['id']}"

    def is_made_once() -> bool:
        status = http.get(path).json()["status"]
        return status == "cancelled" and [stock_of(http, product) for product in items] == [10, 10]

    return Change(lambda: http.post(f"{path}/cancel"), is_made_once)


def a_restock(http: httpx.Client) -> Change:
    """Add five to ten."""
    product, key = new_product(http), {"Idempotency-Key": new_key()}

    def send() -> httpx.Response:
        return http.post(f"/products/{product}/restock", json={"quantity": 5}, headers=key)

    return Change(send, lambda: stock_of(http, product) == 15)


def killer(server: Server) -> Callable[[], None]:
    """Make what kills the service as it is at that moment, and returns when it is dead."""

    def kill() -> None:
        pid = serving(server)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))

    return kill


def outcome(send: Callable[[], httpx.Response]) -> str:
    """Send once; returns what the client learns of it."""
    try:
        answer = send()
    except httpx.TransportError:
        return "silence"
    return "success" if answer.is_success else answer.json()["code"]


def break_at_each_step(
    scene: Scene, prepare: Callable[[httpx.Client], Change], strike: Callable[[], object]
) -> list[str]:
    """Break a change at its first step, another one at its second, until one is through unbroken.

    Each is retried, and has to be made once in the end. Returns what the clients had learnt first.
    """
    learnt: list[str] = []
    while True:
        prepare(scene.http).send()  # prepares the statements, which would be further steps
        change = prepare(scene.http)
        scene.steps.break_at(len(learnt) + 1, strike)
        first = outcome(change.send)
        if not scene.steps.broke():
            assert first == "success"
            return learnt
        learnt.append(first)
        books_balance(scene.conn)
        assert insist(change.send).is_success
        assert change.is_made_once()
        books_balance(scene.conn)


EACH_CHANGE = pytest.mark.parametrize("prepare", [an_order, a_cancel, a_restock])


@EACH_CHANGE
def test_a_process_killed_at_any_line_leaves_all_or_nothing(
    prepare: Callable[[httpx.Client], Change],
    server: Server,
    scene: Scene,
    tell: Callable[[str, int], None],
) -> None:
    learnt = break_at_each_step(scene, prepare, killer(server))

    assert set(learnt) == {"silence"}
    tell("kills", len(learnt))


@EACH_CHANGE
def test_a_connection_cut_at_any_line_leaves_all_or_nothing(
    prepare: Callable[[httpx.Client], Change],
    scene: Scene,
    tell: Callable[[str, int], None],
) -> None:
    learnt = break_at_each_step(scene, prepare, nothing_else)

    assert set(learnt) == {"database_unavailable"}
    tell("cuts", len(learnt))


def test_a_process_killed_in_the_middle_of_a_statement_leaves_all_or_nothing(
    server: Server, scene: Scene
) -> None:
    change = an_order(scene.http)
    with ThreadPoolExecutor() as threads:
        with scene.conn.transaction():
            # Of its two products it gets the first and waits for the second.
            scene.conn.execute("SELECT FROM products ORDER BY id DESC LIMIT 1 FOR UPDATE")
            learnt = threads.submit(outcome, change.send)
            eventually(lambda: waiting_for_locks(scene.conn) == 1)
            killer(server)()
        assert learnt.result() == "silence"

    assert insist(change.send).is_success
    assert change.is_made_once()
    books_balance(scene.conn)


def test_a_service_that_stops_in_the_middle_leaves_all_or_nothing(
    scene: Scene, serve: Serve, clean_database: str
) -> None:
    server = serve(env={"DATABASE_URL": clean_database, "SHUTDOWN_TIMEOUT": "1"})
    admin = httpx.Client(base_url=server.url, timeout=10, headers=as_user(ADMIN))
    with admin as http, ThreadPoolExecutor() as threads:
        changes = [prepare(http) for prepare in (an_order, a_cancel, a_restock)]
        with scene.conn.transaction():
            scene.conn.execute("SELECT FROM products FOR UPDATE")
            sent = [threads.submit(change.send) for change in changes]
            eventually(lambda: waiting_for_locks(scene.conn) == len(changes))
            server.process.terminate()
            assert server.process.wait(10) == 0
        assert all(each.exception() or each.result().is_server_error for each in sent)

    eventually(lambda: not sessions(scene.conn))
    books_balance(scene.conn)
    made = scene.conn.execute("SELECT FROM stock_movements WHERE reason IN ('cancel', 'restock')")
    assert made.fetchall() == []


def sessions(conn: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """Find the service's transactions that are open."""
    return conn.execute(
        """
        SELECT pid
          FROM pg_stat_activity
         WHERE datname = current_database()
           AND application_name = 'phase4_layered'
           AND xact_start IS NOT NULL
        """
    ).fetchall()
