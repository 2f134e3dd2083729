"""Plays an interleaving on real connections and holds what happens against what its script says.

Nothing here is a matter of timing. A statement BLOCKS when PostgreSQL itself lists its backend as
waiting for a lock that another transaction of the script holds; otherwise it is waited for.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import psycopg
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.sql import SQL, Identifier

from ._scripts import BLOCKS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from psycopg.pq.abc import PGresult

    from ._scripts import Script, Section, Step

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
_STAGE = "stage"
"""The schema that a script's tables are made in."""
_WITHIN = 10.0
_TICK = 0.002


class Surprise(AssertionError):
    """It went otherwise than the script says; the message begins with file:line."""


class Event(NamedTuple):
    """What came of a statement; one that had to wait has two: BLOCKS, and its end."""

    who: str
    step: Step
    outcome: str


@dataclass(frozen=True, slots=True)
class Played:
    """What was seen in one play; `order` is the one whose results, one after another, are alike."""

    level: str
    section: Section
    events: tuple[Event, ...]
    order: tuple[str, ...] | None

    @property
    def waited(self) -> bool:
        """Whether anybody had to wait."""
        return any(event.outcome == BLOCKS for event in self.events)

    @property
    def errors(self) -> list[str]:
        """The SQLSTATEs of what failed."""
        return [event.outcome[-5:] for event in self.events if event.outcome.startswith("fails ")]


class _Session:
    """A connection that sends a statement without waiting for its end."""

    def __init__(self, url: str, level: str | None = None) -> None:
        options = f"-c search_path={_STAGE} -c statement_timeout={_WITHIN * 2:.0f}s"
        self._connection = psycopg.connect(url, autocommit=True, options=options)
        self.pid = self._connection.info.backend_pid
        self.running: Step | None = None
        self.waiting = False
        if level is not None:
            self._connection.execute(f"BEGIN ISOLATION LEVEL {level}".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        return self._connection.info.transaction_status != TransactionStatus.IDLE

    def send(self, step: Step) -> None:
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
            time.sleep(_TICK)
        return outcome


def play(url: str, script: Script, level: str) -> Played:
    """Play a script at a level; anything that goes otherwise than it says is a Surprise."""
    section = script.section(level)
    with psycopg.connect(url, autocommit=True) as witness, _stage(witness, script):
        events = _interleaved(url, witness, script, level)
        left = _contents(witness)
    order = _serial_order(url, script, level, events, left)
    if (order is None) != (section.verdict == "happens" or section.but is not None):
        said = section.verdict + (f", but {section.but} happens" if section.but else "")
        found = f"they are those of {' before '.join(order)}" if order else "no order gives them"
        raise Surprise(
            f"{script.path.name}:{section.line}: says {said}. Of the results at {level}, compared "
            f"with those of the transactions one after another, {found}."
        )
    return Played(level, section, tuple(events), order)


def _interleaved(
    url: str, witness: psycopg.Connection[Any], script: Script, level: str
) -> list[Event]:
    steps = script.section(level).steps
    events: list[Event] = []
    with _sessions(url, witness, steps, level) as sessions:
        for step in steps:
            sessions[step.who].send(step)
            news = list(_news(witness, sessions))
            _compare(script, step, {event.who: event.outcome for event in news})
            events += news
        for who, session in sessions.items():
            if session.in_transaction:
                raise Surprise(f"{script.path.name}:{steps[-1].line}: {who} has not ended")
    return events


@contextmanager
def _sessions(
    url: str, witness: psycopg.Connection[Any], steps: Iterable[Step], level: str
) -> Generator[dict[str, _Session]]:
    """Open a transaction for each; at the end none is left, not even one that still waits."""
    with ExitStack() as ending:
        names = sorted({step.who for step in steps})
        sessions = {
            who: ending.enter_context(_Session(url, None if who == "after" else level))
            for who in names
        }
        try:
            yield sessions
        finally:
            for session in sessions.values():
                if session.running:
                    witness.execute("SELECT pg_terminate_backend(%s, 5000)", [session.pid])


def _news(witness: psycopg.Connection[Any], sessions: dict[str, _Session]) -> Generator[Event]:
    """Wait until every statement has ended or waits for a lock; tell what is new."""
    pids = [session.pid for session in sessions.values()]
    for who, session in sessions.items():
        if (step := session.running) is None:
            continue
        outcome = _settle(witness, session, pids)
        if not (session.waiting and outcome == BLOCKS):
            yield Event(who, step, outcome)
        session.waiting = outcome == BLOCKS


def _settle(witness: psycopg.Connection[Any], session: _Session, pids: list[int]) -> str:
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        if (outcome := session.outcome()) is not None:
            return outcome
        if _is_blocked(witness, session.pid, pids):
            return BLOCKS
        time.sleep(_TICK)
    return f"neither ended nor waited for a lock within {_WITHIN:.0f} s"


def _is_blocked(witness: psycopg.Connection[Any], pid: int, others: list[int]) -> bool:
    cursor = witness.execute("SELECT pg_blocking_pids(%s) && %s::int[]", [pid, others])
    return cursor.fetchone() == (True,)


def _compare(script: Script, step: Step, found: dict[str, str]) -> None:
    for who in sorted(step.expects.keys() | found.keys()):
        expected = _expectation(step, who)
        if not _agree(expected, found.get(who)):
            raise Surprise(
                f"{script.path.name}:{step.line}: {step.sql}\n"
                f"  expected: {who} {expected}\n"
                f"  found:    {who} {found.get(who, 'still BLOCKS')}"
            )


def _expectation(step: Step, who: str) -> str:
    if who not in step.expects:
        return "still BLOCKS"
    return step.expects[who] or "succeeds"


def _agree(expected: str, found: str | None) -> bool:
    if found is None or expected != "succeeds":
        return found == expected
    return found != BLOCKS and not found.startswith(("fails ", "neither "))


def _serial_order(
    url: str, script: Script, level: str, events: list[Event], left: list[str]
) -> tuple[str, ...] | None:
    """Find an order in which the committed transactions, one after another, give the same.

    The same: each statement's result, and the rows at the end. That is what "serializable" means.
    """
    ended = [event for event in events if event.outcome != BLOCKS and event.who != "after"]
    committed = [event.who for event in ended if event.outcome == "COMMIT"]
    for order in permutations(sorted(committed)):
        with psycopg.connect(url, autocommit=True) as witness, _stage(witness, script):
            alike = all(_repeats(url, who, level, ended) for who in order)
            if alike and _contents(witness) == left:
                return order
    return None


def _repeats(url: str, who: str, level: str, events: list[Event]) -> bool:
    with _Session(url, level) as session:
        own = [event for event in events if event.who == who]
        return all(session.run(event.step) == event.outcome for event in own)


@contextmanager
def _stage(witness: psycopg.Connection[Any], script: Script) -> Generator[None]:
    """Make a script's tables, and take them away."""
    schema = Identifier(_STAGE)
    witness.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
    witness.execute(SQL("CREATE SCHEMA {}").format(schema))
    witness.execute(SQL("SET search_path TO {}").format(schema))
    witness.execute(script.setup.encode())
    try:
        yield
    finally:
        witness.execute(SQL("DROP SCHEMA {} CASCADE").format(schema))


def _contents(witness: psycopg.Connection[Any]) -> list[str]:
    """Return every row of every table of a script."""
    tables = witness.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [_STAGE]
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
