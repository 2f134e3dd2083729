"""A page at any depth: OFFSET beside keyset, in time and in truth.

Both read 20 posts, newest first, from the same index. OFFSET counts its way from the top; keyset
starts where the last page ended. How does the cost of each grow with the depth of the page? And
what does a reader see who turns ten pages while new posts arrive?
"""

from __future__ import annotations

import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from ._data import connect, fill

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import psycopg

    from shared.lab import Lab

PAGE = 20
REPEATS = 7
ARRIVALS = 5
"""New posts between one page and the next."""


class Place(NamedTuple):
    """Where a page ended: the order of the feed is by time, then by id."""

    created_at: datetime | str
    id: int


TOP = Place("infinity", 0)


def run(lab: Lab) -> None:
    """Time both at growing depths, then read along while rows arrive."""
    lab.predict("At a depth of 900,000: how many times slower is OFFSET than keyset?")
    posts = 20_000 if lab.quick else 1_000_000
    depths = [depth for depth in (0, 100, 1_000, 10_000, 100_000, 900_000) if depth < posts]
    with closing(connect(lab)) as connection:
        fill(connection, posts)
        rows = [(depth, *timed(connection, depth)) for depth in depths]
        walks = [walk(connection, by_offset=True), walk(connection, by_offset=False)]

    lab.table("Milliseconds for one page of 20", ("rows before it", "OFFSET", "keyset"), rows)
    draw(lab, rows)
    columns = ("reading by", "pages", "posts that arrived", "shown twice")
    lab.table("Ten pages while posts arrive", columns, walks)


def timed(connection: psycopg.Connection, depth: int) -> tuple[float, float]:
    """Return the median milliseconds of the page behind `depth` rows, by OFFSET and by keyset."""
    before = page_by_offset(connection, depth - 1)[0] if depth else TOP
    return (
        milliseconds(lambda: page_by_offset(connection, depth)),
        milliseconds(lambda: page_by_keyset(connection, before)),
    )


def milliseconds(read: Callable[[], object]) -> float:
    """Return the median of some runs; the first one warms the cache and doesn't count."""
    samples: list[float] = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        read()
        samples.append((time.perf_counter() - start) * 1000)
    return median(samples[1:])


def page_by_offset(connection: psycopg.Connection, offset: int) -> list[Place]:
    """Read 20 posts after throwing away `offset`."""
    rows = connection.execute(
        """
        SELECT created_at, id, title
          FROM posts
         ORDER BY created_at DESC, id DESC
         LIMIT %(limit)s OFFSET %(offset)s
        """,
        {"limit": PAGE, "offset": offset},
    )
    return [Place(created_at, post_id) for created_at, post_id, _ in rows]


def page_by_keyset(connection: psycopg.Connection, after: Place) -> list[Place]:
    """Read 20 posts from where the page before ended."""
    rows = connection.execute(
        """
        SELECT created_at, id, title
          FROM posts
         WHERE (created_at, id) < (%(created_at)s, %(id)s)
         ORDER BY created_at DESC, id DESC
         LIMIT %(limit)s
        """,
        {"limit": PAGE, "created_at": after.created_at, "id": after.id},
    )
    return [Place(created_at, post_id) for created_at, post_id, _ in rows]


def walk(connection: psycopg.Connection, *, by_offset: bool) -> tuple[str, int, int, int]:
    """Read ten pages while posts arrive, and count what was shown twice; keeps no new post."""
    seen: list[Place] = []
    with connection.transaction(force_rollback=True):
        for number in range(10):
            after = seen[-1] if seen else TOP
            seen += (
                page_by_offset(connection, number * PAGE)
                if by_offset
                else page_by_keyset(connection, after)
            )
            arrive(connection)
    name = "OFFSET" if by_offset else "keyset"
    return name, 10, 10 * ARRIVALS, len(seen) - len(set(seen))


def arrive(connection: psycopg.Connection) -> None:
    """Let new posts appear at the top of the feed."""
    connection.execute(
        """
        INSERT INTO posts (user_id, title, body, created_at)
        SELECT n, 'Breaking', 'News', clock_timestamp() + interval '1 year'
          FROM generate_series(1, %(count)s) AS n
        """,
        {"count": ARRIVALS},
    )


def draw(lab: Lab, rows: list[tuple[int, float, float]]) -> None:
    """Plot cost against depth, both on scales of powers of ten."""
    with lab.figure() as figure:
        axes = figure.subplots(1, 1, squeeze=False)[0, 0]
        depths = [max(depth, 1) for depth, _, _ in rows]
        axes.plot(depths, [by_offset for _, by_offset, _ in rows], "o-", label="OFFSET")
        axes.plot(depths, [by_keyset for _, _, by_keyset in rows], "s-", label="keyset")
        axes.set(xscale="log", yscale="log", xlabel="rows before the page", ylabel="ms per page")
        axes.legend()
        axes.grid(visible=True, alpha=0.3)
