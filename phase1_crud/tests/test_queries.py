"""Queries per request: each read costs one, however many rows it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import new_comment, new_post, new_user

if TYPE_CHECKING:
    import httpx

    from shared.proxy import Proxy


@pytest.fixture
def somebody(through_proxy: httpx.Client) -> int:
    """Make a user with five posts, by and under which others have commented."""
    author, reader = new_user(through_proxy), new_user(through_proxy, "Grace")
    for _ in range(5):
        post = new_post(through_proxy, author)
        new_comment(through_proxy, post, reader)
        new_comment(through_proxy, post, author)
    return author


# A search is planned for its pattern: one statement to say so, and the query.
@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("/users/{id}", 1),
        ("/users/{id}/summary", 1),
        ("/users?limit=100", 1),
        ("/users?offset=1000", 1),
        ("/posts?limit=1", 1),
        ("/posts?limit=100", 1),
        ("/posts?user_id={id}&q=notes&sort=-created_at", 2),
        ("/feed?limit=1", 1),
        ("/feed?limit=100", 1),
        ("/feed?user_id={id}&q=notes", 2),
    ],
)
def test_a_read_costs_the_same_however_many_rows_it_gives(
    path: str, statements: int, somebody: int, through_proxy: httpx.Client, proxy: Proxy
) -> None:
    before = proxy.statements

    answer = through_proxy.get(path.format(id=somebody))

    assert answer.status_code == 200
    assert proxy.statements - before == statements


def test_a_posts_comments_are_one_query_whether_there_are_any_or_not(
    somebody: int, through_proxy: httpx.Client, proxy: Proxy
) -> None:
    silent = new_post(through_proxy, somebody)
    discussed = through_proxy.get("/posts", params={"user_id": somebody}).json()["items"][0]["id"]
    for path in (f"/posts/{discussed}/comments", f"/posts/{silent}/comments", "/posts/0/comments"):
        before = proxy.statements

        through_proxy.get(path)

        # An id that cannot exist is not even asked for.
        assert proxy.statements - before == (0 if path == "/posts/0/comments" else 1)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_write_is_one_statement(
    method: str, somebody: int, through_proxy: httpx.Client, proxy: Proxy
) -> None:
    fields = {"name": "Countess", "email": f"c{somebody}@example.com"}
    before = proxy.statements

    answer = through_proxy.request(method, f"/users/{somebody}", json=fields)

    assert answer.status_code == 200
    assert proxy.statements - before == 1
