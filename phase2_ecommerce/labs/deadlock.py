"""Two orders for the same two products, the other way round: each has what the other one wants.

Each order takes its lines from stock in the order in which they were asked for. Both take their
first line; then each asks for the other's. Nothing is left to chance: every statement is sent once
the one before it has returned or is listed by PostgreSQL as waiting. Who gives way, after how long,
and what does the loser hear? And what changes if both take their lines in the order of ids?
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from psycopg.errors import DeadlockDetected

from shared.witness import eventually

from ._log import ServerLog
from ._sessions import Session
from ._timeline import Event, draw, show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.lab import Lab

    Axes = Any  # matplotlib's types are partial
    LockRow = tuple[str, str, str, str, str]

STOCK = 10
ASKED = {"order A": (1, 2), "order B": (2, 1)}
TAKE_ONE = "UPDATE products SET stock = stock - 1 WHERE id = %(id)s"


class Order:
    """An order that sends one statement at a time: BEGIN, an UPDATE for each line, COMMIT."""

    def __init__(self, session: Session, lines: Sequence[int], names: Mapping[int, str]) -> None:
        self.session = session
        self._names = names
        self.error: DeadlockDetected | None = None
        self.waiting = False
        updates = [(TAKE_ONE, {"id": line}) for line in lines]
        self._left: list[tuple[str, dict[str, int]]] = [("BEGIN", {}), *updates, ("COMMIT", {})]

    @property
    def over(self) -> bool:
        """Tell whether it has nothing more to say."""
        return not self._left

    def step(self, observer: psycopg.Connection[Any]) -> Event:
        """Send the next statement, and see whether it returns or waits."""
        statement = self._left.pop(0)
        self.session.start(lambda conn: conn.execute(*statement))
        wait = self.session.settled(observer)
        self.waiting = wait is not None
        if wait is not None:
            lock = f"waits for {self._names[wait.behind[0]]}"
            return Event(self.session.name, self.session.conn.said[-1].sql, lock, kind="waits")
        return self._returned()

    def go_on(self) -> Event:
        """Say how the statement ended that had to wait."""
        self.waiting = False
        outcome = self.session.outcome()
        if not isinstance(outcome, DeadlockDetected):
            return self._returned()
        self.error = outcome
        self._left = [("ROLLBACK", {})]
        sql = self.session.conn.said[-1].sql
        return Event(self.session.name, sql, f"{outcome.sqlstate} deadlock detected", kind="wrong")

    def _returned(self) -> Event:
        said = self.session.conn.said[-1]
        if said.sql.startswith("UPDATE"):
            return Event(self.session.name, said.sql, "has the row", kind="writes")
        return Event(self.session.name, said.sql)


class Play(NamedTuple):
    """What came of two orders."""

    events: list[Event]
    locks: list[LockRow]
    orders: list[Order]
    stock: list[int]

    def verdict(self) -> list[str]:
        """Say what each order is told."""
        return ["refused (40P01)" if order.error else "placed" for order in self.orders]


class Shop:
    """A shop with two products, and two sessions that order them."""

    def __init__(self, stack: ExitStack, url: str) -> None:
        self.observer = stack.enter_context(psycopg.connect(url, autocommit=True))
        self._sessions = [Session(stack, url, name) for name in ASKED]
        self._names = {session.pid: session.name for session in self._sessions}
        self.log = ServerLog(self.observer)
        self.observer.execute(
            """
            INSERT INTO products (sku, name, price, stock)
            VALUES ('TEA', 'Tea', 250, 0), ('CUP', 'Cup', 900, 0)
            """
        )

    def play(self, arranged: Callable[[Sequence[int]], Sequence[int]]) -> Play:
        """Let the orders take turns, statement by statement; one that waits misses its turns."""
        self.observer.execute("UPDATE products SET stock = %(stock)s", {"stock": STOCK})
        orders = [
            Order(session, arranged(lines), self._names)
            for session, lines in zip(self._sessions, ASKED.values(), strict=True)
        ]
        events: list[Event] = []
        locks: list[LockRow] = []
        while not all(order.over for order in orders):
            for order in orders:
                events += self._turn(order)
            if all(order.waiting for order in orders):
                locks = self._locks()
                eventually(lambda: any(order.session.done() for order in orders))
        stock = self.observer.execute("SELECT stock FROM products ORDER BY id").fetchall()
        return Play(events, locks, orders, [each for (each,) in stock])

    def _turn(self, order: Order) -> list[Event]:
        """Let an order send its next statement, or tell how the one ended that had to wait."""
        if order.waiting:
            return [] if order.session.settled(self.observer) else [order.go_on()]
        return [] if order.over else [order.step(self.observer)]

    def _locks(self) -> list[LockRow]:
        """Read PostgreSQL's own book: who has which transaction's lock, and who wants it."""
        rows = self.observer.execute(
            """
            SELECT pid, mode, transactionid::text, granted, pg_blocking_pids(pid)
              FROM pg_locks
             WHERE pid = ANY(%(pids)s)
               AND locktype = 'transactionid'
             ORDER BY array_position(%(pids)s, pid), granted DESC
            """,
            {"pids": [session.pid for session in self._sessions]},
        )
        return [
            (
                self._names[pid],
                str(pid),
                mode,
                number,
                "has it" if granted else self._behind(behind),
            )
            for pid, mode, number, granted, behind in rows
        ]

    def _behind(self, pids: Sequence[int]) -> str:
        return f"waits for {self._names[pids[0]]}"


def run(lab: Lab) -> None:
    """Let the two orders collide, then let them queue."""
    lab.predict("Both have one line and want the other's: how does it end, and for whom?")
    with ExitStack() as stack:
        shop = Shop(stack, lab.database_url)
        collided = shop.play(as_asked)
        tell(lab, collided, shop.log)
        queued = shop.play(sorted)
    show(lab, "Locked in the order of ids", queued.events)
    draw(lab, "deadlock_queue", "Locked in the order of ids", queued.events)
    lab.table(
        f"Two orders, one piece each of two products of which there were {STOCK}",
        ("lines are locked", *ASKED, "stock of 1", "stock of 2"),
        [
            ("as they were asked for", *collided.verdict(), *collided.stock),
            ("in the order of ids", *queued.verdict(), *queued.stock),
        ],
    )
    lab.note(
        "Who has waited for `deadlock_timeout`, one second unless it is set, looks for a circle "
        "and gives way if there is one. Nothing of the loser's order is left, so it can simply be "
        "tried again (retrying.py); but that second is lost, and others queued behind it. With one "
        "order for all there can be no circle: whoever waits holds only rows that come before the "
        "one it waits for. Go from each that waits to the one that has its row, and the rows come "
        "later and later; a circle would have to come back to the first of them."
    )


def as_asked(lines: Sequence[int]) -> Sequence[int]:
    """Leave the lines as the customer wrote them."""
    return lines


def tell(lab: Lab, play: Play, log: ServerLog) -> None:
    """Show the deadlock as each of those concerned sees it."""
    show(lab, "Locked as asked for", play.events)
    draw(lab, "deadlock_circle", "Locked as asked for", play.events)
    lab.table(
        "pg_locks while both wait: each has its own transaction's lock, and wants the other's",
        ("who", "process", "mode", "transaction", "granted?"),
        play.locks,
    )
    lab.note(
        "No row is named here: who has a row is noted in the row itself, by the number of its "
        "transaction. Whoever wants the row asks for a lock on that number, and gets it when the "
        "transaction has ended."
    )
    draw_graph(lab, play)
    for order in play.orders:
        if order.error is not None:
            lab.block(f"What {order.session.name} hears", str(order.error))
            logged = log.about(order.session.pid)
            lab.block(
                "What the server's log says, with the statements of both",
                logged or "(It isn't a file that can be read from here.)",
            )


def draw_graph(lab: Lab, play: Play) -> None:
    """Draw who waits for whom: a circle is a deadlock."""
    with lab.figure("deadlock_graph") as figure:
        axes: Axes = figure.subplots(1, 1)
        places = dict(zip(ASKED, (0.2, 0.8), strict=True))
        for (who, (has, wants)), place in zip(ASKED.items(), places.values(), strict=True):
            axes.text(
                place,
                0.5,
                f"{who}\nhas product {has}\nwants product {wants}",
                ha="center",
                va="center",
                bbox={"boxstyle": "round,pad=0.8", "facecolor": "#fde68a"},
            )
        for who, *_, state in play.locks:
            if state != "has it":
                arrow(axes, places[who], places[state.removeprefix("waits for ")])
        axes.set(xlim=(0, 1), ylim=(0, 1), title="Who waits for whom (pg_blocking_pids)")
        axes.axis("off")


def arrow(axes: Axes, start: float, end: float) -> None:
    """Draw an arrow from who waits to whom it waits for, above one way and below the other."""
    up = 0.12 if start < end else -0.12
    axes.annotate(
        "",
        xy=(end, 0.5 + up),
        xytext=(start, 0.5 + up),
        arrowprops={"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.4", "linewidth": 2},
    )
    axes.text(0.5, 0.5 + 2.4 * up, "waits for", ha="center", va="center")
