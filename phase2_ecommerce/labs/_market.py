"""Buyers by the hundred who queue for a few connections, and what each of them was told."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import TYPE_CHECKING, Any

import psycopg

from ._purchases import CONFLICTS

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ._purchases import Way

CONNECTIONS = 16


@dataclass(slots=True)
class Outcome:
    """What came of some purchases: who was told what, and how long it took."""

    told: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    """How many buyers were sold this piece; a piece is (product, how many it left)."""
    milliseconds: list[float] = field(default_factory=list[float])
    retries: int = 0
    seconds: float = 0.0

    @property
    def sold(self) -> int:
        """How many buyers believe that they bought one."""
        return self.told.total()

    @property
    def per_second(self) -> float:
        """How many purchases were answered in a second, with a yes or a no."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, percent: int) -> float:
        """Return the milliseconds within which that many per cent had their answer."""
        return quantiles(self.milliseconds, n=100)[percent - 1]

    def add(self, other: Outcome) -> None:
        """Count another run of the same in."""
        self.told += other.told
        self.milliseconds += other.milliseconds
        self.retries += other.retries
        self.seconds += other.seconds


@contextmanager
def connections(url: str) -> Generator[list[psycopg.Connection[Any]]]:
    """Open as many as the shop has: autocommit, each statement prepared, as in the service."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(psycopg.connect(url, autocommit=True, prepare_threshold=0))
            for _ in range(CONNECTIONS)
        ]


def rush(conns: Sequence[psycopg.Connection[Any]], way: Way, wishes: Sequence[int]) -> Outcome:
    """Let one buyer for each wish, a product's id, buy a piece: all at once, on few connections.

    A purchase takes from the moment its buyer has a connection until the answer, retries included.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for product in wishes:
        waiting.put(product)
    start = threading.Barrier(len(conns) + 1)
    outcome = Outcome()
    with ThreadPoolExecutor(len(conns)) as pool:
        clerks = [pool.submit(serve, conn, way, waiting, start) for conn in conns]
        start.wait()
        began = time.perf_counter()
        for clerk in clerks:
            outcome.add(clerk.result())
        outcome.seconds = time.perf_counter() - began
    return outcome


def serve(
    conn: psycopg.Connection[Any],
    way: Way,
    waiting: queue.SimpleQueue[int],
    start: threading.Barrier,
) -> Outcome:
    """Sell to one buyer after another on one connection, until none is waiting."""
    outcome = Outcome()
    start.wait()
    while True:
        try:
            product = waiting.get_nowait()
        except queue.Empty:
            return outcome
        began = time.perf_counter()
        left = insist(conn, way, product, outcome)
        outcome.milliseconds.append((time.perf_counter() - began) * 1000)
        if left is not None:
            outcome.told[product, left] += 1


def insist(conn: psycopg.Connection[Any], way: Way, product: int, outcome: Outcome) -> int | None:
    """Try until there is an answer, and count how often it took another attempt.

    Without a pause in between, so that what is measured is the conflict and not the waiting. A
    service waits a random while, and gives up after some attempts (retrying.py).
    """
    while True:
        try:
            return way(conn, product)
        except CONFLICTS:
            outcome.retries += 1
