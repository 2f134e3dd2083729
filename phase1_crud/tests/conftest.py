"""What the inside tests share: a service behind a proxy, people and posts, and patience."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from .proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from shared.fixtures import Serve
    from shared.servers import Server

# Short waits, so that tests of waiting are quick.
IMPATIENT = {"POOL_TIMEOUT": "0.5", "STATEMENT_TIMEOUT": "1", "POOL_MIN_SIZE": "1"}


@pytest.fixture(scope="module")
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the service and PostgreSQL."""
    parts = conninfo_to_dict(database_url)
    with Proxy(str(parts["host"]), int(parts["port"] or 5432)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxied(proxy: Proxy, database_url: str, serve: Serve) -> Server:
    """Serve through the proxy, with little patience."""
    parts = conninfo_to_dict(database_url)
    url = (
        f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{proxy.port}/{parts['dbname']}"
    )
    return serve(env={**IMPATIENT, "DATABASE_URL": url})


@pytest.fixture
def through_proxy(proxy: Proxy, proxied: Server) -> Iterator[httpx.Client]:
    """Open a client of the service behind the proxy; whatever a test did to it is undone."""
    with httpx.Client(base_url=proxied.url, timeout=10) as client:
        yield client
        proxy.flow()
        proxy.mend()
        eventually(lambda: client.get("/readyz").is_success)


@contextmanager
def locked(database_url: str, table: str) -> Generator[psycopg.Connection[Any]]:
    """Lock a table against all others: a request that needs it waits, for as long as we want."""
    with psycopg.connect(database_url) as conn:
        conn.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(Identifier(table)))
        yield conn


def waiting_for_locks(conn: psycopg.Connection[Any]) -> int:
    """Count the statements that wait for a lock in this database, by PostgreSQL's own book."""
    conn.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees one state for ever
    row = conn.execute(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    assert row is not None
    return row[0]


def eventually(true: Callable[[], object], within: float = 15.0) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def new_user(http: httpx.Client, name: str = "Ada") -> int:
    """Create a user; returns the id."""
    email = f"{name}.{time.monotonic_ns()}@example.com"
    return _created(http.post("/users", json={"name": name, "email": email}))


def new_post(http: httpx.Client, user_id: int, title: str = "Notes") -> int:
    """Create a post; returns the id."""
    return _created(http.post("/posts", json={"user_id": user_id, "title": title, "body": "…"}))


def new_comment(http: httpx.Client, post_id: int, user_id: int) -> int:
    """Create a comment; returns the id."""
    fields = {"user_id": user_id, "body": "Yes."}
    return _created(http.post(f"/posts/{post_id}/comments", json=fields))


def _created(answer: httpx.Response) -> int:
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
