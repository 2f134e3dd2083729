"""Five queries with their index and without, at one million posts.

Each query runs twice: as the schema has it, and inside a transaction that drops its index and is
rolled back. Which of them become a thousand times slower without it, which only ten times? And
what does a row cost on its way in, when five indexes want to hear of it?
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, LiteralString, NamedTuple

from ._data import connect, fill

if TYPE_CHECKING:
    import psycopg

    from shared.lab import Lab

QUERIES: dict[str, tuple[LiteralString, LiteralString]] = {
    "the newest 20 posts": (
        "posts_created_at_idx",
        """
        SELECT id, title
          FROM posts
         ORDER BY created_at DESC, id DESC
         LIMIT 20
        """,
    ),
    "the newest 20 of one author": (
        "posts_user_id_created_at_idx",
        """
        SELECT id, title
          FROM posts
         WHERE user_id = 4711
         ORDER BY created_at DESC, id DESC
         LIMIT 20
        """,
    ),
    "a user by e-mail": (
        "users_email_key",
        """
        SELECT id, name
          FROM users
         WHERE lower(email) = 'user4711@example.org'
        """,
    ),
    "posts that contain a word": (
        "posts_text_idx",
        """
        SELECT id, title
          FROM posts
         WHERE title ILIKE '%a87ff67%' OR body ILIKE '%a87ff67%'
        """,
    ),
    "a post's number of comments": (
        "comments_post_id_idx",
        """
        SELECT count(*)
          FROM comments
         WHERE post_id = 4711
        """,
    ),
}

SECONDARY: tuple[LiteralString, ...] = (
    "posts_created_at_idx",
    "posts_user_id_created_at_idx",
    "posts_text_idx",
)
PAGE_BYTES = 8192


class Plan(NamedTuple):
    """How PostgreSQL ran a query: its text, milliseconds, and pages of 8 KiB looked at."""

    text: str
    milliseconds: float
    pages: int


def run(lab: Lab) -> None:
    """Explain every query with and without its index, then insert with and without any."""
    lab.predict("Which query suffers most without its index, and how much slower is it?")
    posts = 20_000 if lab.quick else 1_000_000
    with closing(connect(lab)) as connection:
        fill(connection, posts)
        plans = {name: both_plans(connection, *query) for name, query in QUERIES.items()}
        sizes = {index: size_of(connection, index) for index, _ in QUERIES.values()}
        costs = write_costs(connection, rows=1_000 if lab.quick else 10_000)

    lab.table(
        f"{posts:,} posts: milliseconds and pages of 8 KiB, with the index and without",
        ("query", "index", "MiB", "ms with", "ms without", "pages with", "pages without"),
        [row(name, sizes, plans[name]) for name in QUERIES],
    )
    lab.table("What the indexes of posts cost a write", ("indexes", "rows", "ms"), costs)
    for name, (with_index, without) in plans.items():
        lab.block(f"{name}, with the index", with_index.text)
        lab.block(f"{name}, without", without.text)


def both_plans(
    connection: psycopg.Connection, index: LiteralString, query: LiteralString
) -> tuple[Plan, Plan]:
    """Explain a query as it is, and as it would be: DDL, too, can be rolled back."""
    with_index = explain(connection, query)
    with connection.transaction(force_rollback=True):
        connection.execute(b"DROP INDEX " + index.encode())
        without = explain(connection, query)
    return with_index, without


def explain(connection: psycopg.Connection, query: LiteralString) -> Plan:
    """Run a query twice and keep the second plan: the first may have waited for the disk."""
    statement = b"EXPLAIN (ANALYZE, BUFFERS) " + query.encode()
    connection.execute(statement)
    lines = [line for (line,) in connection.execute(statement)]
    took = re.search(r"Execution Time: ([\d.]+)", lines[-1])
    buffers = next((line for line in lines if "Buffers:" in line), "")
    pages = sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", buffers))
    return Plan("\n".join(lines), float(took[1]) if took else 0.0, pages)


def size_of(connection: psycopg.Connection, index: LiteralString) -> float:
    """Return the size of an index in MiB."""
    cursor = connection.execute("SELECT pg_relation_size(%(index)s::regclass)", {"index": index})
    row = cursor.fetchone()
    return row[0] / 2**20 if row else 0.0


def write_costs(connection: psycopg.Connection, rows: int) -> list[tuple[str, int, float]]:
    """Insert `rows` posts with all indexes, then with the primary key alone; keep neither."""
    return [
        ("all four", rows, insert(connection, rows, ())),
        ("without the text index", rows, insert(connection, rows, ("posts_text_idx",))),
        ("the primary key alone", rows, insert(connection, rows, SECONDARY)),
    ]


def insert(connection: psycopg.Connection, rows: int, dropped: tuple[LiteralString, ...]) -> float:
    """Return the milliseconds that PostgreSQL took for an insert without some indexes."""
    with connection.transaction(force_rollback=True):
        for index in dropped:
            connection.execute(b"DROP INDEX " + index.encode())
        lines = connection.execute(
            """
            EXPLAIN (ANALYZE)
            INSERT INTO posts (user_id, title, body)
            SELECT 1 + n %% 10000, 'New ' || n, 'Word ' || md5(n::text)
              FROM generate_series(1, %(rows)s) AS n
            """,
            {"rows": rows},
        ).fetchall()
    took = re.search(r"[\d.]+", lines[-1][0])
    return float(took[0]) if took else 0.0


def row(
    name: str, sizes: dict[str, float], plans: tuple[Plan, Plan]
) -> tuple[str | float | int, ...]:
    """Put one query's two plans beside one another."""
    index, (first, second) = QUERIES[name][0], plans
    times = (first.milliseconds, second.milliseconds)
    return (name, f"`{index}`", sizes[index], *times, first.pages, second.pages)
