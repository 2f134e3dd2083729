"""Restarts in the middle of hundreds of orders: nothing is lost, and nobody becomes unknown by it.

A token that one process has signed is good at the next, and a database that is away is no reason to
say of a token that it is bad: a client that believed it would ask a person for a password.
"""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from shared.fixtures import IMPATIENT
from shared.witness import eventually

from .conftest import (
    ADMIN,
    as_user,
    ask_order,
    books_balance,
    insist,
    new_key,
    new_product,
    new_user,
)
from .supervisor import serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.fixtures import Serve
    from shared.servers import Server

    Strike = Callable[[], object]

ORDERS = 400
CLIENTS = 8
EVERY = 75  # acknowledged orders from one blow to the next


class Sale:
    """Clients that order one thing after another, each until it is acknowledged."""

    def __init__(self, url: str) -> None:
        self.acknowledged: dict[str, str] = {}  # the key, and where its order is
        self._url = url
        with httpx.Client(base_url=url, headers=as_user(ADMIN)) as http:
            self._user = new_user(http)
            self._items = {new_product(http, stock=1_000_000): 2 for _ in range(2)}

    def buy(self) -> None:
        """Be one of the clients."""
        with httpx.Client(base_url=self._url, timeout=10) as http:
            for key in [new_key() for _ in range(ORDERS // CLIENTS)]:
                answer = insist(lambda key=key: ask_order(http, self._user, self._items, key))
                assert answer.status_code == 201, answer.text
                self.acknowledged[key] = answer.headers["location"]

    def run(self, *strikes: Strike) -> int:
        """Sell everything and strike, in turn, all the while; returns how often."""
        blows = (ORDERS - 1) // EVERY
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self.buy) for _ in range(CLIENTS)]
            for number, strike in enumerate(islice(cycle(strikes), blows), start=1):
                eventually(
                    lambda number=number: (
                        len(self.acknowledged) >= number * EVERY
                        or any(client.done() for client in clients)
                    ),
                    within=60,
                )
                strike()
            for client in clients:
                client.result()
        return blows


def assert_nothing_is_lost(
    conn: psycopg.Connection[Any], sale: Sale, tell: Callable[[str, int], None]
) -> None:
    """Compare what the clients were told with what the database holds."""
    kept = conn.execute("SELECT key, '/orders/' || order_id FROM idempotency_keys").fetchall()
    orders = conn.execute("SELECT '/orders/' || id FROM orders").fetchall()
    lost = set(sale.acknowledged.values()) - {order for (order,) in orders}
    tell("acknowledged", len(sale.acknowledged))
    tell("lost", len(lost))

    assert len(sale.acknowledged) == ORDERS
    assert not lost
    assert dict(kept) == sale.acknowledged
    assert len(orders) == ORDERS
    books_balance(conn)


def test_connections_are_terminated_and_no_order_is_lost(
    serve: Serve, clean_database: str, tell: Callable[[str, int], None]
) -> None:
    sale = Sale(serve(env={**IMPATIENT, "DATABASE_URL": clean_database}).url)
    with psycopg.connect(clean_database, autocommit=True) as conn:

        def terminate() -> None:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        tell("terminations of all connections", sale.run(terminate))

        assert_nothing_is_lost(conn, sale, tell)


def test_the_service_is_stopped_and_killed_and_no_order_is_lost(
    serve: Serve, clean_database: str, tell: Callable[[str, int], None]
) -> None:
    server = serve(
        "phase4_layered.tests.supervisor", env={**IMPATIENT, "DATABASE_URL": clean_database}
    )
    sale = Sale(server.url)

    blows = sale.run(sender(server, signal.SIGTERM), sender(server, signal.SIGKILL))

    tell("restarts of the service", blows)
    with psycopg.connect(clean_database, autocommit=True) as conn:
        assert_nothing_is_lost(conn, sale, tell)


def sender(server: Server, blow: signal.Signals) -> Strike:
    """Make what sends a signal to whatever process serves at that moment."""
    return lambda: os.kill(serving(server), blow)
