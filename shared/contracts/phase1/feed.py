"""The feed: keyset pagination whose pages stay right while rows come and go."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from shared.contracts.kit import Api, Mismatch, check, expect, expect_problem, raced, unique

from .givens import Fields, expect_members, ids, new_comment, new_post, new_user

if TYPE_CHECKING:
    from collections.abc import Iterator


def written(api: Api, count: int) -> tuple[Fields, list[int]]:
    """Make a user and so many posts of theirs; the ids come newest first, as in the feed."""
    user = new_user(api)
    return user, [new_post(api, user["id"])["id"] for _ in range(count)][::-1]


def page(api: Api, user: Fields, **params: object) -> Fields:
    """Ask for a page of that user's feed."""
    asked = {"user_id": user["id"]} | params
    return expect(
        api.get("/feed", params=asked), 200, json={"limit": asked.get("limit", 20)}
    ).json()


def pages(api: Api, user: Fields, limit: int) -> Iterator[list[int]]:
    """Walk the feed to its end, one page of ids at a time."""
    cursor: dict[str, Any] = {}
    for _ in range(50):
        answer = page(api, user, limit=limit, **cursor)
        yield [item["id"] for item in answer["items"]]
        if answer["next_cursor"] is None:
            return
        cursor = {"cursor": answer["next_cursor"]}
    raise Mismatch("the feed doesn't end: fifty pages, and still a next_cursor")


@check("P1-FEED-01", needs=("P1-PLS-01",), hint="Newest first, and the same shape as in the list.")
def test_the_feed_is_newest_first(api: Api) -> None:
    """GET /feed has items as the list of posts has, newest first, limit and next_cursor."""
    user = new_user(api, name="Author")
    old, new = new_post(api, user["id"]), new_post(api, user["id"])
    new_comment(api, old["id"], user["id"])

    answer = page(api, user)

    author = {"id": user["id"], "name": "Author"}
    items = [
        new | {"author": author, "comment_count": 0},
        old | {"author": author, "comment_count": 1},
    ]
    assert answer == {"items": items, "limit": 20, "next_cursor": None}
    expect_members(expect(api.get("/feed"), 200).json(), "items", "limit", "next_cursor")


@check("P1-FEED-02", needs=("P1-FEED-01",), hint="The cursor says where the last page ended.")
def test_a_walk_shows_everything_once(api: Api) -> None:
    """Following next_cursor shows each post once, in full pages, and ends with null."""
    user, made = written(api, 7)

    for limit in (1, 2, 3, 7, 100):
        walked = list(pages(api, user, limit))
        got = [row for rows in walked for row in rows]
        assert got == made, f"pages of {limit}: expected {made}, got {got}"
        full = [rows for rows in walked[:-1] if len(rows) != limit]
        assert not full, f"a page before the last has {limit} posts, not {len(full[0])}"


@check("P1-FEED-03", needs=("P1-FEED-02",), hint="What would OFFSET 2 mean once a row came on top?")
def test_new_posts_dont_shift_the_pages(api: Api) -> None:
    """Posts that are written during a walk show up on no later page, and push nothing onto one."""
    user, made = written(api, 6)

    got: list[int] = []
    for rows in pages(api, user, 2):
        got += rows
        new_post(api, user["id"])

    assert got == made, f"expected {made}, got {got}"


@check(
    "P1-FEED-04",
    needs=("P1-FEED-02",),
    hint="A cursor is a place in an order, not a row. What if that row is gone?",
)
def test_deleted_posts_dont_shift_the_pages(api: Api) -> None:
    """When posts already seen are deleted, even the last one seen, no other post is skipped."""
    user, made = written(api, 8)

    got: list[int] = []
    for rows in pages(api, user, 2):
        got += rows
        for row in rows:
            expect(api.delete(f"/posts/{row}"), 204)

    assert got == made, f"expected {made}, got {got}"


@check("P1-FEED-05", needs=("P1-FEED-02",), hint="An edit changes a post, not its place in time.")
def test_edited_posts_keep_their_place(api: Api) -> None:
    """A post that is edited during a walk keeps its place."""
    user, made = written(api, 5)

    got: list[int] = []
    for rows in pages(api, user, 2):
        got += rows
        expect(api.patch(f"/posts/{made[-1]}", json={"title": unique("edited")}), 200)

    assert got == made, f"expected {made}, got {got}"


@check(
    "P1-FEED-06",
    needs=("P1-FEED-02",),
    hint="Posts of one moment have an order, too: compare (created_at, id) as one.",
)
def test_posts_written_at_once_are_shown_once(api: Api) -> None:
    """Posts written by many at the same time show up once each, ordered by time, then id."""
    user = new_user(api)
    made = raced(16, lambda _: new_post(api, user["id"]))

    got = [row for rows in pages(api, user, 3) for row in rows]

    newest_first = sorted(made, key=lambda post: (post["created_at"], post["id"]), reverse=True)
    expected = [post["id"] for post in newest_first]
    assert got == expected, f"expected {expected}, got {got}"


@check(
    "P1-FEED-07", needs=("P1-FEED-02", "P1-PLS-04"), hint="Does the cursor's page keep the filter?"
)
def test_the_feed_is_filtered(api: Api) -> None:
    """The feed takes user_id and q, and every page keeps to them; wildcards are data."""
    user, word = new_user(api), unique("Feed")
    made = [new_post(api, user["id"], title=f"{word} {n}")["id"] for n in range(3)][::-1]
    new_post(api, user["id"])

    first = expect(api.get("/feed", params={"q": word.upper(), "limit": 2}), 200)
    rest = {"q": word.upper(), "limit": 2, "cursor": first.json()["next_cursor"]}
    second = expect(api.get("/feed", params=rest), 200, json={"next_cursor": None})

    assert ids(first) + ids(second) == made
    nothing: Fields = {"items": [], "next_cursor": None}
    for pattern in (f"{word}%", f"{word}_", f"%{word}"):
        expect(api.get("/feed", params={"q": pattern}), 200, json=nothing)


@check(
    "P1-FEED-08",
    needs=("P1-FEED-02",),
    hint="The cursor went out opaque. In what state is it back?",
)
def test_a_bad_cursor_is_400(api: Api) -> None:
    """A cursor that the server didn't make is 400 and names the parameter, never a 500."""
    user, _ = written(api, 3)
    cursor = page(api, user, limit=1)["next_cursor"]
    inside = (
        b"{}",
        b"[]",
        b"[1]",
        b'["x","y"]',
        b"\xff\xfe",
        b'{"id": 1e400}',
        b"null",
        b"9" * 5000,
    )
    encoded = [base64.urlsafe_b64encode(text).decode() for text in inside]

    half, doubled, spaced = cursor[: len(cursor) // 2], cursor * 2, f"{cursor} "
    for bad in ("", "x", "é", "' OR 1=1 --", "\x00", half, doubled, spaced, f"x{cursor}", *encoded):
        answer = api.get("/feed", params={"cursor": bad})
        expect_problem(answer, 400, "invalid_query", fields=["cursor"])


@check("P1-FEED-09", needs=("P1-FEED-01",), hint="The limits of one list are the limits of all.")
def test_the_feed_has_limits(api: Api) -> None:
    """A limit outside 1..100, sort or offset are 400 and named."""
    expect(api.get("/feed", params={"limit": 100}), 200)

    bad = (
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("limit", ""),
        ("sort", "id"),
        ("offset", "0"),
    )
    for name, value in bad:
        answer = api.get("/feed", params={name: value})
        expect_problem(answer, 400, "invalid_query", fields=[name])
