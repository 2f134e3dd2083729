"""The feed, on times that no client can bring about over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from .conftest import new_user

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
