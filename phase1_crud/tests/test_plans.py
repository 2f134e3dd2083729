"""Plans: with many rows PostgreSQL answers from the index that schema.sql made for the question."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest

from phase1_crud import comments, cursors, feed, posts, users
from phase1_crud.database import connection_settings
from phase1_crud.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SEED: tuple[LiteralString, ...] = (
    """
    INSERT INTO users (name, email, created_at)
    SELECT 'User ' || i, 'user' || i || '@example.com', now() - i * interval '1 minute'
      FROM generate_series(1, 5000) AS i
    """,
    """
    INSERT INTO posts (user_id, title, body, created_at)
    SELECT 1 + i % 5000, 'Post ' || md5(i::text), md5((i * 7)::text),
           now() - i * interval '1 second'
      FROM generate_series(1, 50000) AS i
    """,
    """
    INSERT INTO comments (post_id, user_id, body)
    SELECT 1 + i % 50000, 1 + i * 17 % 5000, 'Comment ' || i
      FROM generate_series(1, 100000) AS i
    """,
    # VACUUM also sorts into the GIN index what its list of pending entries holds.
    "VACUUM (ANALYZE) users, posts, comments",
)


@pytest.fixture(scope="module")
def full_database(database_url: str) -> str:
    """Fill the database, so that reading a whole table would be a bad idea."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        for statement in SEED:
            conn.execute(statement)
    return database_url


def plan_of(url: str, query: Callable[[psycopg.AsyncConnection], Awaitable[object]]) -> str:
    """Run a query of the service with its own settings; returns the plan that it was run with."""
    plans: list[dict[str, Any]] = []

    def keep(notice: psycopg.errors.Diagnostic) -> None:
        text = notice.message_primary or ""
        if "plan:" in text:
            plans.append(json.loads(text.partition("plan:")[2]))

    async def run() -> None:
        settings = connection_settings(Settings(database_url=url))
        async with await psycopg.AsyncConnection.connect(url, **settings) as conn:  # pyright: ignore[reportArgumentType]
            await conn.execute("LOAD 'auto_explain'")
            await conn.execute("SET auto_explain.log_min_duration = 0")
            await conn.execute("SET auto_explain.log_format = json")
            await conn.execute("SET client_min_messages = log")
            conn.add_notice_handler(keep)
            await query(conn)

    asyncio.run(run())
    return json.dumps(plans[-1]["Plan"])


QUERIES: dict[str, tuple[Callable[[psycopg.AsyncConnection], Awaitable[object]], set[str]]] = {
    "users by id": (lambda c: users.select_users_by_id(c, [77, 78]), {"users_pkey"}),
    "users by e-mail": (
        lambda c: users.select_users(c, users.UserQuery(email="USER77@example.com")),
        {"users_email_key"},
    ),
    "a user's summary": (
        lambda c: users.select_summary(c, 77),
        {"posts_user_id_created_at_idx", "comments_user_id_idx", "comments_post_id_idx"},
    ),
    "the feed": (
        lambda c: feed.select_feeds(c, [feed.Wanted(20, cursors.START, None, None)]),
        {"posts_created_at_idx", "users_pkey", "comments_post_id_idx"},
    ),
    "an author's feed": (
        lambda c: feed.select_feeds(
            c, [feed.Wanted(20, cursors.START, author, None) for author in (77, 78)]
        ),
        {"posts_user_id_created_at_idx"},
    ),
    "an author's posts": (
        lambda c: posts.select_posts(c, posts.PostQuery(user_id=77)),
        {"posts_user_id_created_at_idx", "comments_post_id_idx"},
    ),
    "posts with a text": (
        lambda c: posts.select_posts(c, posts.PostQuery(q="zanzibar")),
        {"posts_text_idx"},
    ),
    "a post's comments": (
        lambda c: comments.select_comments(c, 77, comments.PageQuery()),
        {"posts_pkey", "comments_post_id_idx"},
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_plan_uses_the_index_made_for_it(name: str, full_database: str) -> None:
    query, indexes = QUERIES[name]

    plan = plan_of(full_database, query)

    assert indexes <= {index for index in indexes if f'"{index}"' in plan}, plan


@pytest.mark.parametrize(
    "name", ["users by id", "the feed", "an author's feed", "a user's summary"]
)
def test_the_plan_reads_no_whole_table(name: str, full_database: str) -> None:
    query, _ = QUERIES[name]

    assert "Seq Scan" not in plan_of(full_database, query)
