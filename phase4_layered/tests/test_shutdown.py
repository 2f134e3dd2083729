"""SIGTERM: logins that are under way, and wait for their turn to be hashed, are answered first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from shared.witness import eventually, locked, waiting_for_locks

from .people import UNLIMITED, ask_tokens, new_person

if TYPE_CHECKING:
    from shared.fixtures import Serve


def test_logins_under_way_are_answered_before_the_service_leaves(
    serve: Serve, database_url: str
) -> None:
    server = serve(env={**UNLIMITED, "DATABASE_URL": database_url})
    with httpx.Client(base_url=server.url) as http:
        ada = new_person(http)

    def log_in() -> httpx.Response:
        with httpx.Client(base_url=server.url, timeout=10) as client:
            return ask_tokens(client, ada)

    with ThreadPoolExecutor(8) as threads, locked(database_url, "users") as conn:
        under_way = [threads.submit(log_in) for _ in range(8)]
        eventually(lambda: waiting_for_locks(conn) == 8)
        server.process.terminate()
        eventually(lambda: not accepts(server.port))
        conn.rollback()  # now they are found, and their passwords are looked at one by one
        answers = [each.result() for each in under_way]

    assert {answer.status_code for answer in answers} == {200}
    assert server.process.wait(10) == 0


def accepts(port: int) -> bool:
    """Tell whether somebody listens there."""
    try:
        httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
    except httpx.TransportError:
        return False
    return True
