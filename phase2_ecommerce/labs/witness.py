"""The last piece, sold twice every time: an oversell without luck.

A race is won by chance, and a bug that shows up by chance is hard to believe in. So hold both
requests at the same place: lock the row, let both run into the lock, and let go only when
PostgreSQL itself lists both as waiting. What does each of them read, and what does it write? And
which of the six ways of the race stand it, a hundred times out of a hundred?
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from itertools import dropwhile
from typing import TYPE_CHECKING

import psycopg

from ._purchases import CONFLICTS, WAYS
from ._sessions import Session, Statement
from ._timeline import Event, draw, show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shared.lab import Lab

    from ._purchases import Way

DRAWN = {
    "naive: read, then write": "witness_naive",
    "conditional UPDATE": "witness_conditional",
    "FOR NO KEY UPDATE": "witness_row_lock",
}
PRODUCT = 1
THE_LAB = "the lab"
HOLD = "SELECT stock FROM products WHERE id = 1 FOR NO KEY UPDATE"
ANSWER = "answer: "
LEGEND = """\
Now two of them at once. In the column *lock*

- *waits for … (transactionid)*: the first in the queue for a row waits until the transaction that
  has it ends;
- *waits for … (tuple)*: whoever comes later waits to be the first;
- *no lock*: a plain SELECT locks no row, and waits for none."""
VERDICTS = ("sold to nobody", "sold once", "sold twice")
"""By the number of those who were told that it is theirs."""


class Stage:
    """A shop with one piece, two requests for it, and a lab that can keep its row locked."""

    def __init__(self, stack: ExitStack, url: str) -> None:
        self._observer = stack.enter_context(psycopg.connect(url, autocommit=True))
        self._requests = [Session(stack, url, f"request {letter}") for letter in "AB"]
        # Entered last, so closed first: whatever goes wrong, nobody waits for it for ever.
        self._holder = stack.enter_context(psycopg.connect(url))
        self._names = {request.pid: request.name for request in self._requests}
        self._names[self._holder.info.backend_pid] = THE_LAB
        self._observer.execute("ALTER TABLE products ADD COLUMN version bigint NOT NULL DEFAULT 0")
        self._observer.execute(
            "INSERT INTO products (sku, name, price, stock) VALUES ('TEA', 'Tea', 250, 1)"
        )

    def play(self, way: Way) -> tuple[list[Event], int]:
        """Let both requests buy the last piece; tells what happened, and the stock at the end."""
        self._observer.execute("UPDATE products SET stock = 1")
        self._holder.execute(HOLD)
        events = [Event(THE_LAB, HOLD, "has the row", kind="locks")]
        for request in self._requests:
            request.conn.said.clear()
            request.start(lambda conn: way(conn, PRODUCT))
            events += self._until_it_waits(request)
        self._holder.commit()
        events.append(Event(THE_LAB, "COMMIT", "lets go"))
        for request in self._requests:
            events += to_its_end(request)
        row = self._observer.execute("SELECT stock FROM products").fetchone()
        return with_doubles_marked(events), row[0] if row else 0

    def sent(self, way: Way) -> str:
        """Let one request buy a piece that nobody else wants; tells what it sends for that."""
        self._observer.execute("UPDATE products SET stock = 1, version = 0")
        [request, _] = self._requests
        request.conn.said.clear()
        way(request.conn, PRODUCT)
        first, *_ = said = request.conn.said
        sql = [statement.sql for statement in said]
        return "; ".join(["BEGIN", *sql, "COMMIT"] if first.in_transaction else sql)

    def _until_it_waits(self, request: Session) -> list[Event]:
        """Return what the request did until PostgreSQL listed it as waiting, and for whom."""
        wait = request.settled(self._observer)
        if wait is None:
            raise AssertionError(f"{request.name} was meant to wait for the row.")
        *returned, waiting = request.conn.said
        waiting.waited = True
        lock = f"waits for {self._names[wait.behind[0]]} ({wait.kind})"
        return [*events_of(request, returned), Event(request.name, waiting.sql, lock, kind="waits")]


def to_its_end(request: Session) -> list[Event]:
    """Return how a request went on from where it waited, and what it answered."""
    answer = answer_of(request.outcome())
    later = dropwhile(lambda statement: not statement.waited, request.conn.said)
    return [*events_of(request, later), Event(request.name, ANSWER + answer)]


def answer_of(outcome: object) -> str:
    """Say what the buyer is told."""
    if isinstance(outcome, CONFLICTS):
        return f"try again ({type(outcome).__name__})"
    if isinstance(outcome, Exception):
        raise outcome
    return "sold out" if outcome is None else "yours"


def events_of(request: Session, statements: Iterable[Statement]) -> list[Event]:
    """Describe statements that have returned, by what they locked, read and wrote."""
    return [
        Event(request.name, each.sql, lock_of(each), each.read, each.wrote, kind_of(each))
        for each in statements
    ]


def lock_of(statement: Statement) -> str:
    """Name what it got locked; row locks are noted in the row itself.

    An UPDATE that has waited got the row, even if it then found that it no longer fits its WHERE.
    """
    if "advisory" in statement.sql:
        return "has the number"
    has_row = "FOR NO KEY" in statement.sql or isinstance(statement.wrote, int)
    waited_for_it = statement.waited and statement.wrote is not None
    return "has the row" if has_row or waited_for_it else "no lock"


def kind_of(statement: Statement) -> str:
    """Tell reading from writing."""
    return "writes" if isinstance(statement.wrote, int) else "reads"


def with_doubles_marked(events: Iterable[Event]) -> list[Event]:
    """Mark a write of what another has written: it sells the same piece again."""
    marked: list[Event] = []
    for event in events:
        double = event.wrote is not None and event.wrote in {before.wrote for before in marked}
        marked.append(event._replace(kind="wrong") if double else event)
    return marked


def verdict_of(events: Iterable[Event], stock: int) -> tuple[str, str, int, str]:
    """Take what matters: what each of the two was told, and what is left."""
    answers = (event.sql for event in events if event.sql.startswith(ANSWER))
    first, second = (answer.removeprefix(ANSWER) for answer in answers)
    return first, second, stock, VERDICTS[(first, second).count("yours")]


def run(lab: Lab) -> None:
    """Play each way a hundred times, and draw three of them."""
    lab.predict("One piece, two requests, both have read: what does the second UPDATE write?")
    times = 3 if lab.quick else 100
    rows: list[tuple[str | int, ...]] = []
    with ExitStack() as stack:
        stage = Stage(stack, lab.database_url)
        lab.table(
            "What each of the six ways sends to sell the last piece, if nobody disturbs it",
            ("way", "SQL"),
            [(name, f"`{stage.sent(way)}`") for name, way in WAYS.items()],
        )
        lab.note(LEGEND)
        for name, way in WAYS.items():
            plays = [stage.play(way) for _ in range(times)]
            [(verdict, same)] = Counter(verdict_of(*play) for play in plays).most_common(1)
            rows.append((name, *verdict, f"{same} of {times}"))
            if name in DRAWN:
                show(lab, f"{name}: step by step", plays[0][0])
                draw(lab, DRAWN[name], name, plays[0][0])
    lab.table(
        "The last piece, asked for by two",
        ("way", "A is told", "B is told", "stock", "verdict", "the same in"),
        rows,
    )
    lab.note(
        "B is let in only when A has committed. What B does then decides: write what it had worked "
        "out before it waited, or look at the row again."
    )
