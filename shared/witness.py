"""Waiting for what a database itself says has happened, in the place of sleeping and hoping."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.sql import SQL, Identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_TICK = 0.02


@contextmanager
def locked(database_url: str, table: str) -> Generator[psycopg.Connection[Any]]:
    """Lock a table against all others: a request that needs it waits, for as long as we want."""
    with psycopg.connect(database_url) as conn:
        conn.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(Identifier(table)))
        yield conn


def waiting_for_locks(conn: psycopg.Connection[Any]) -> int:
    """Count the statements that wait for a lock in this database, by PostgreSQL's own book."""
    conn.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees one state for ever
    waiting = conn.execute(
        """
        SELECT pid
          FROM pg_stat_activity
         WHERE datname = current_database()
           AND wait_event_type = 'Lock'
        """
    )
    return len(waiting.fetchall())


def eventually(true: Callable[[], object], within: float = 15.0) -> None:
    """Ask until the answer is yes, for `within` seconds at most."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"It did not become true within {within:g} s.")
        time.sleep(_TICK)
