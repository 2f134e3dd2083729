"""Where an interleaving is played: its tables, and sessions that don't wait for what they say."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.sql import SQL, Identifier

if TYPE_CHECKING:
    from collections.abc import Generator

    from psycopg.pq.abc import PGresult

    from ._scripts import Script, Step

WITHIN = 10.0
"""Seconds in which a statement ends or waits for a lock; far more than any of these takes."""
TICK = 0.002
_SCHEMA = "stage"


class Session:
    """A connection that sends a statement without waiting for its end."""

    def __init__(self, url: str, level: str | None = None) -> None:
        options = f"-c search_path={_SCHEMA} -c statement_timeout={WITHIN * 2:.0f}s"
        self._connection = psycopg.connect(url, autocommit=True, options=options)
        self.pid = self._connection.info.backend_pid
        self.running: Step | None = None
        self.waiting = False
        if level is not None:
            self._connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())

    def __enter__(self) -> Self:
        """Begin; the transaction is open already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up; what is not committed is rolled back."""
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        """Whether it has begun something that it has not ended."""
        return self._connection.info.transaction_status != TransactionStatus.IDLE

    def send(self, step: Step) -> None:
        """Say something, and don't wait for the answer."""
        self.running = step
        self._connection.pgconn.send_query(step.sql.encode())

    def outcome(self) -> str | None:
        """Return what came of the statement, or None while it is running."""
        libpq = self._connection.pgconn
        libpq.consume_input()
        if libpq.is_busy():
            return None
        result = libpq.get_result()
        while libpq.get_result() is not None:
            pass
        self.running = None
        return _written(result) if result else ""

    def run(self, step: Step) -> str:
        """Wait for the end of a statement that nobody can be in the way of."""
        self.send(step)
        while (outcome := self.outcome()) is None:
            time.sleep(TICK)
        return outcome


@contextmanager
def stage(witness: psycopg.Connection[Any], script: Script) -> Generator[None]:
    """Make a script's tables, and take them away."""
    schema = Identifier(_SCHEMA)
    witness.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
    witness.execute(SQL("CREATE SCHEMA {}").format(schema))
    witness.execute(SQL("SET search_path TO {}").format(schema))
    witness.execute(script.setup.encode())
    try:
        yield
    finally:
        witness.execute(SQL("DROP SCHEMA {} CASCADE").format(schema))


def contents(witness: psycopg.Connection[Any]) -> list[str]:
    """Return every row of every table of a script."""
    tables = witness.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [_SCHEMA]
    ).fetchall()
    rows = SQL("SELECT each::text FROM {} AS each ORDER BY each::text")
    return [
        f"{name} {row}"
        for (name,) in tables
        for (row,) in witness.execute(rows.format(Identifier(name)))
    ]


def _written(result: PGresult) -> str:
    """Write a result as scripts do."""
    if result.status == ExecStatus.TUPLES_OK:
        rows = (
            " ".join(
                (result.get_value(row, column) or b"null").decode()
                for column in range(result.nfields)
            )
            for row in range(result.ntuples)
        )
        return ", ".join(rows) or "nothing"
    if result.status == ExecStatus.COMMAND_OK:
        return (result.command_status or b"").decode()
    return "fails " + (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
