"""Plays an interleaving on real connections and holds what happens against what its script says.

Nothing here is a matter of timing. A statement BLOCKS when PostgreSQL itself lists its backend as
waiting for a lock that another transaction of the script holds; otherwise it is waited for.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg

from ._scripts import BLOCKS
from ._stage import TICK, WITHIN, Session, contents, stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from ._scripts import Script, Section, Step

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


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


def play(url: str, script: Script, level: str) -> Played:
    """Play a script at a level; anything that goes otherwise than it says is a Surprise."""
    section = script.section(level)
    with psycopg.connect(url, autocommit=True) as witness, stage(witness, script):
        events = _interleaved(url, witness, script, level)
        left = contents(witness)
    order = _serial_order(url, script, level, events, left)
    _check_verdict(script, level, order)
    return Played(level, section, tuple(events), order)


def _check_verdict(script: Script, level: str, order: tuple[str, ...] | None) -> None:
    """Hold what a script says of the whole against whether there is such an order."""
    section = script.section(level)
    said = section.verdict + (f", but {section.but} happens" if section.but else "")
    found = f"they are those of {' before '.join(order)}" if order else "no order gives them"
    if (order is None) != ("happens" in said):
        raise Surprise(
            f"{script.path.name}:{section.line}: says {said}. Of the results at {level}, compared "
            f"with those of the transactions one after another, {found}."
        )


def _interleaved(
    url: str, witness: psycopg.Connection[Any], script: Script, level: str
) -> list[Event]:
    steps = script.section(level).steps
    events: list[Event] = []
    with _sessions(url, witness, steps, level) as sessions:
        for step in steps:
            if sessions[step.who].running:
                raise Surprise(f"{script.path.name}:{step.line}: {step.who} still BLOCKS")
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
) -> Generator[dict[str, Session]]:
    """Open a transaction for each; at the end none is left, not even one that still waits."""
    with ExitStack() as ending:
        names = sorted({step.who for step in steps})
        sessions = {
            who: ending.enter_context(Session(url, None if who == "after" else level))
            for who in names
        }
        try:
            yield sessions
        finally:
            for session in sessions.values():
                if session.running:
                    witness.execute("SELECT pg_terminate_backend(%s, 5000)", [session.pid])


def _news(witness: psycopg.Connection[Any], sessions: dict[str, Session]) -> Generator[Event]:
    """Wait until every statement has ended or waits for a lock; tell what is new."""
    pids = [session.pid for session in sessions.values()]
    for who, session in sessions.items():
        if (step := session.running) is None:
            continue
        outcome = _settle(witness, session, pids)
        if not (session.waiting and outcome == BLOCKS):
            yield Event(who, step, outcome)
        session.waiting = outcome == BLOCKS


def _settle(witness: psycopg.Connection[Any], session: Session, pids: list[int]) -> str:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        if (outcome := session.outcome()) is not None:
            return outcome
        if _is_blocked(witness, session.pid, pids):
            return BLOCKS
        time.sleep(TICK)
    return f"neither ended nor waited for a lock within {WITHIN:.0f} s"


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
        with psycopg.connect(url, autocommit=True) as witness, stage(witness, script):
            alike = all(_repeats(url, who, level, ended) for who in order)
            if alike and contents(witness) == left:
                return order
    return None


def _repeats(url: str, who: str, level: str, events: list[Event]) -> bool:
    with Session(url, level) as session:
        own = [event for event in events if event.who == who]
        return all(session.run(event.step) == event.outcome for event in own)
