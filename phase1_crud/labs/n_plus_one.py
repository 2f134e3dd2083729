"""One list, asked for in one query or in one for each row.

A page of posts shows each author's name and the number of comments. Written as a loop, that is one
query for the page and two more for every post on it; written as a join, it is one query. How many
round trips does each take, how long, and what if the database is a millisecond away?
"""

from __future__ import annotations

import time
from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, Any, LiteralString

from ._data import connect, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from shared.lab import Lab

REPEATS = 9
Row = tuple[Any, ...]


class Counting:
    """A connection that counts its round trips."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self.queries = 0

    def rows(self, query: LiteralString, **parameters: int) -> list[Row]:
        """Run one query, wait for its rows, and count it."""
        self.queries += 1
        return self._connection.execute(query, parameters).fetchall()


def run(lab: Lab) -> None:
    """Read pages of 20 and of 100 posts both ways."""
    lab.predict("For a page of 20 posts: how many queries does the loop send?")
    rows: list[tuple[str, int, int, float, float]] = []
    with closing(connect(lab)) as connection:
        fill(connection, 5_000 if lab.quick else 100_000)
        for limit in (20, 100):
            if loop(Counting(connection), limit) != join(Counting(connection), limit):
                raise AssertionError("The two ways must give the same page.")
            rows += [measured(connection, name, read, limit) for name, read in WAYS.items()]

    columns = ("written as", "posts", "queries", "ms", "ms at 1 ms per round trip")
    lab.table("A page of posts with author and comment count", columns, rows)
    lab.note("The last column is the measured time plus one millisecond for each query.")


def measured(
    connection: psycopg.Connection,
    name: str,
    read: Callable[[Counting, int], list[Row]],
    limit: int,
) -> tuple[str, int, int, float, float]:
    """Count the queries of one page, and take the median time of some."""
    samples: list[float] = []
    queries = 0
    for _ in range(REPEATS):
        counting, start = Counting(connection), time.perf_counter()
        read(counting, limit)
        samples.append((time.perf_counter() - start) * 1000)
        queries = counting.queries
    return name, limit, queries, median(samples), median(samples) + queries


def loop(db: Counting, limit: int) -> list[Row]:
    """Read the page, then ask about every post on it."""
    page = db.rows(
        """
        SELECT id, user_id, title
          FROM posts
         ORDER BY created_at DESC, id DESC
         LIMIT %(limit)s
        """,
        limit=limit,
    )
    result: list[Row] = []
    for post_id, user_id, title in page:
        [(name,)] = db.rows("SELECT name FROM users WHERE id = %(id)s", id=user_id)
        [(count,)] = db.rows("SELECT count(*) FROM comments WHERE post_id = %(id)s", id=post_id)
        result.append((post_id, title, name, count))
    return result


def join(db: Counting, limit: int) -> list[Row]:
    """Ask for the page as it is shown."""
    return db.rows(
        """
        SELECT listed.id, listed.title, author.name,
               (SELECT count(*) FROM comments WHERE comments.post_id = listed.id)
          FROM posts AS listed
          JOIN users AS author ON author.id = listed.user_id
         ORDER BY listed.created_at DESC, listed.id DESC
         LIMIT %(limit)s
        """,
        limit=limit,
    )


WAYS: dict[str, Callable[[Counting, int], list[Row]]] = {"a loop": loop, "one join": join}
