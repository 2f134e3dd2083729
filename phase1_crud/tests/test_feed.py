"""The feed, on times that no client can bring about over HTTP."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING
from zlib import crc32

import psycopg
import pytest

from phase1_crud.cursors import START, Place
from phase1_crud.feed import Wanted, select_feeds

from .conftest import new_post, new_user

if TYPE_CHECKING:
    import httpx


def test_posts_of_one_instant_are_each_shown_once(http: httpx.Client, database_url: str) -> None:
    author = new_user(http)
    with psycopg.connect(database_url) as conn:  # one transaction: now() is one instant
        conn.execute(
            "INSERT INTO posts (user_id, title, body)"
            " SELECT %(author)s, 'Nr. ' || i, '' FROM generate_series(1, 7) AS i",
            {"author": author},
        )

    shown: list[int] = []
    page = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        page = http.get("/feed", params={"user_id": author, "limit": 3, **cursor}).json()
        shown += [post["id"] for post in page["items"]]

    assert len(shown) == 7
    assert shown == sorted(set(shown), reverse=True)


def test_a_cursor_with_any_letter_changed_is_refused(http: httpx.Client) -> None:
    author = new_user(http)
    for title in ("one", "two"):
        http.post("/posts", json={"user_id": author, "title": title, "body": ""})
    cursor = http.get("/feed", params={"limit": 1}).json()["next_cursor"]
    for place, letter in enumerate(cursor):
        other = "A" if letter != "A" else "B"
        forged = cursor[:place] + other + cursor[place + 1 :]

        answer = http.get("/feed", params={"cursor": forged})

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    "place",
    [
        "2026-01-01T00:00:00+00:00/9223372036854775808",
        "2026-01-01T00:00:00+00:00/0",
        "2026-01-01T00:00:00+00:00/-7",
        "2026-01-01T00:00:00/7",
    ],
)
def test_a_forged_cursor_is_refused_before_it_reaches_the_database(
    place: str, http: httpx.Client
) -> None:
    text = place.encode()
    forged = base64.urlsafe_b64encode(text + crc32(text).to_bytes(4, "big")).decode().rstrip("=")

    answer = http.get("/feed", params={"cursor": forged})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


def test_pages_found_together_are_those_found_one_by_one(
    http: httpx.Client, database_url: str
) -> None:
    ada, grace = new_user(http), new_user(http, "Grace")
    for author in (ada, grace, ada, ada):
        new_post(http, author)

    async def scenario() -> None:
        async with await psycopg.AsyncConnection.connect(database_url) as conn:
            newest, second, *_ = (await select_feeds(conn, [all_of(START)]))[all_of(START)]
            below = [Place(post.created_at, post.id) for post in (newest, second)]
            whole = [all_of(START), all_of(below[1]), all_of(below[0], limit=1)]
            authors = [Wanted(20, place, who, None) for who in (grace, 0, ada) for place in below]
            for pages in (whole, authors):
                together = await select_feeds(conn, pages)

                assert list(together) == pages
                for page in pages:
                    assert together[page] == (await select_feeds(conn, [page]))[page]
            lengths = [len(posts) for posts in (await select_feeds(conn, authors)).values()]
            assert lengths == [1, 1, 0, 0, 2, 1]

    asyncio.run(scenario())


def all_of(after: Place, limit: int = 20) -> Wanted:
    """Ask for a page of everyone's posts."""
    return Wanted(limit, after, None, None)
