"""Sessions played against each other, and PostgreSQL's own word on which of them waits."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.pq import TransactionStatus

from shared.witness import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

LONGEST_WAIT = "10s"
"""Nothing here waits for so long; it is what ends an experiment that went wrong."""


class Wait(NamedTuple):
    """What kind of lock a session waits for, and the process ids of those it waits for."""

    kind: str
    behind: list[int]


class Statement:
    """A statement that was sent: what it read and wrote is known once it has returned."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.waited = False
        self.in_transaction = False
        self.read: int | None = None
        self.wrote: int | str | None = None

    def returned(self, cursor: psycopg.Cursor[Any], written: int | None) -> None:
        """Note what came of it, without taking the row away from who asked for it."""
        self.in_transaction = cursor.connection.info.transaction_status == TransactionStatus.INTRANS
        value = first_value(cursor)
        if not self.sql.startswith("UPDATE"):
            self.read = value
        elif cursor.rowcount:
            self.wrote = written if value is None else value
        else:
            self.wrote = "0 rows"


def first_value(cursor: psycopg.Cursor[Any]) -> int | None:
    """Peek at the first value of a result; None if there is none, or it is no number."""
    result = cursor.pgresult
    value = result.get_value(0, 0) if result and result.ntuples else None
    return int(value) if value else None


class RecordedConnection(psycopg.Connection[Any]):
    """A connection that remembers what was said on it."""

    said: list[Statement]

    def execute(  # pyright: ignore[reportIncompatibleMethodOverride] -- the labs send text alone
        self, query: str, params: dict[str, int] | None = None
    ) -> psycopg.Cursor[Any]:
        """Send a statement, which is on record before it is known whether it has to wait."""
        values = params or {}
        statement = Statement(" ".join((query % values).split()))
        self.said.append(statement)
        cursor = super().execute(query.encode(), values)
        statement.returned(cursor, values.get("left"))
        return cursor


class Session:
    """A connection with a thread of its own: what it is told to do may wait, and we don't."""

    def __init__(self, stack: ExitStack, url: str, name: str) -> None:
        self.name = name
        self.conn = RecordedConnection.connect(
            url, autocommit=True, options=f"-c lock_timeout={LONGEST_WAIT}"
        )
        self.conn.said = []
        stack.callback(self.conn.close)
        self.pid = self.conn.info.backend_pid
        self._thread = stack.enter_context(ThreadPoolExecutor(1))
        self._doing: Future[Any] = Future()

    def start(self, work: Callable[[RecordedConnection], object]) -> None:
        """Begin some work, and don't wait for it."""
        self._doing = self._thread.submit(work, self.conn)

    def done(self) -> bool:
        """Tell whether the work is done."""
        return self._doing.done()

    def outcome(self) -> object:
        """Wait for the work and return what it returned, or what it raised."""
        error = self._doing.exception()
        return self._doing.result() if error is None else error

    def settled(self, observer: psycopg.Connection[Any]) -> Wait | None:
        """Let it run until it is done or has to wait, and say for what."""
        found: list[Wait] = []

        def done_or_stuck() -> bool:
            done = self.done()
            wait = None if done else wait_of(observer, self.pid)
            found.extend([wait] if wait else [])
            return done or wait is not None

        eventually(done_or_stuck)
        return found[0] if found else None


def wait_of(observer: psycopg.Connection[Any], pid: int) -> Wait | None:
    """Ask PostgreSQL whether a session waits for a lock: of which kind, and behind whom."""
    row = observer.execute(
        """
        SELECT lock.locktype, pg_blocking_pids(activity.pid)
          FROM pg_stat_activity AS activity
          JOIN pg_locks AS lock ON lock.pid = activity.pid AND NOT lock.granted
         WHERE activity.pid = %(pid)s
           AND activity.wait_event_type = 'Lock'
        """,
        {"pid": pid},
    ).fetchone()
    return row and Wait(*row)
