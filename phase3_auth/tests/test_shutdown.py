"""SIGTERM and SIGINT: what is under way is finished, and the service leaves with 0."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from shared.witness import eventually, locked, waiting_for_locks

from .conftest import ask_order, new_product, new_user

if TYPE_CHECKING:
    from shared.fixtures import Serve


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_requests_under_way_are_answered_before_the_service_leaves(
    asked: signal.Signals, serve: Serve, database_url: str
) -> None:
    server = serve(env={"DATABASE_URL": database_url})
    with httpx.Client(base_url=server.url) as http:
        user, product = new_user(http), new_product(http)

    def order() -> httpx.Response:
        with httpx.Client(base_url=server.url, timeout=10) as client:
            return ask_order(client, user, {product: 1})

    with ThreadPoolExecutor(8) as threads, locked(database_url, "orders") as conn:
        under_way = [threads.submit(order) for _ in range(8)]
        eventually(lambda: waiting_for_locks(conn) == 8)
        server.process.send_signal(asked)
        eventually(lambda: not accepts(server.port))
        conn.rollback()
        answers = [each.result() for each in under_way]

    assert {answer.status_code for answer in answers} == {201}
    assert server.process.wait(10) == 0


def test_the_service_does_not_wait_for_ever(serve: Serve, database_url: str) -> None:
    server = serve(env={"DATABASE_URL": database_url, "SHUTDOWN_TIMEOUT": "1"})

    with ThreadPoolExecutor() as threads, locked(database_url, "orders") as conn:
        stuck = threads.submit(httpx.get, f"{server.url}/orders", timeout=20)
        eventually(lambda: waiting_for_locks(conn) == 1)
        server.process.send_signal(signal.SIGTERM)

        assert server.process.wait(10) == 0
        assert (stuck.result().status_code, stuck.result().json()["code"]) == (503, "overloaded")


def accepts(port: int) -> bool:
    """Tell whether somebody listens there."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
    except httpx.TransportError:
        return False
    return True
