"""Rows by the million: made by PostgreSQL itself, because nothing has to travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from rich.progress import track

if TYPE_CHECKING:
    from shared.lab import Lab

USERS = 10_000
_BATCH = 50_000


def connect(lab: Lab) -> psycopg.Connection:
    """Open a connection to the experiment's own database, each statement its own transaction."""
    return psycopg.connect(lab.database_url, autocommit=True)


def fill(connection: psycopg.Connection, posts: int) -> None:
    """Make 10,000 users, `posts` posts and half as many comments.

    The index over the texts is built after the rows: one big sort instead of a million small ones.
    """
    connection.execute("DROP INDEX posts_text_idx")
    connection.execute(
        """
        INSERT INTO users (name, email)
        SELECT 'User ' || n, 'User' || n || '@example.org'
          FROM generate_series(1, %(users)s) AS n
        """,
        {"users": USERS},
    )
    for first in track(range(1, posts + 1, _BATCH), description=f"making {posts:,} posts"):
        numbers = {"first": first, "last": min(first + _BATCH - 1, posts), "users": USERS}
        connection.execute(
            """
            INSERT INTO posts (user_id, title, body, created_at)
            SELECT 1 + n * 7919 %% %(users)s, 'Post ' || n, 'Word ' || md5(n::text),
                   timestamptz '2026-01-01 00:00Z' + n * interval '10 seconds'
              FROM generate_series(%(first)s::bigint, %(last)s) AS n
            """,
            numbers,
        )
        connection.execute(
            """
            INSERT INTO comments (post_id, user_id, body)
            SELECT n, 1 + n * 7907 %% %(users)s, 'Comment ' || n
              FROM generate_series(%(first)s::bigint, %(last)s, 2) AS n
            """,
            numbers,
        )
    for _ in track(range(1), description="indexing the texts"):
        connection.execute(
            """
            CREATE INDEX posts_text_idx
                ON posts USING gin (title gin_trgm_ops, body gin_trgm_ops)
            """
        )
    connection.execute("VACUUM ANALYZE")
