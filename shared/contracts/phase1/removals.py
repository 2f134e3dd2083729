"""Deleting: what goes, what goes along, what stands in the way; and the summary that counts it."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import (
    ID_LIKE,
    expect_members,
    new_comment,
    new_post,
    new_user,
    unknown_id,
)


@check("P1-DEL-01", needs=("P1-USR-02",), hint="204 means: done, and nothing more to say.")
def test_a_deleted_user_is_gone(api: Api) -> None:
    """DELETE of a user answers 204; afterwards every method finds it unknown."""
    path = f"/users/{new_user(api)['id']}"

    expect(api.delete(path), 204)

    expect_problem(api.get(path), 404, "user_not_found")
    expect_problem(api.delete(path), 404, "user_not_found")


@check("P1-DEL-02", hint="How many rows did your DELETE remove?")
def test_deleting_what_is_unknown_is_404(api: Api) -> None:
    """DELETE of an id that no row has is 404 with the resource's own code."""
    for collection, code in (
        ("users", "user_not_found"),
        ("posts", "post_not_found"),
        ("comments", "comment_not_found"),
    ):
        for segment in ID_LIKE:
            expect_problem(api.delete(f"/{collection}/{segment}"), 404, code)


@check("P1-DEL-03", needs=("P1-DEL-01",), hint="An id that once meant Ada must never mean Grace.")
def test_ids_are_never_reused(api: Api) -> None:
    """A row created after a deletion gets an id that was never handed out before."""
    for collection in ("users", "posts", "comments"):
        gone = unknown_id(api, collection)
        assert unknown_id(api, collection) > gone, f"/{collection}/{gone} was handed out again"


@check(
    "P1-DEL-04",
    needs=("P1-DEL-01", "P1-PST-02"),
    hint="What would a post's user_id point at? Which constraint knows?",
)
def test_a_user_with_posts_stays(api: Api) -> None:
    """DELETE of a user who has posts is 409 user_has_posts, and nothing is lost."""
    user = new_user(api)
    post = new_post(api, user["id"])

    expect_problem(api.delete(f"/users/{user['id']}"), 409, "user_has_posts")

    expect(api.get(f"/users/{user['id']}"), 200, json=user)
    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check(
    "P1-DEL-05",
    needs=("P1-DEL-01", "P1-CMT-02"),
    hint="Two constraints can refuse the same DELETE. How does a client learn which one did?",
)
def test_a_user_with_comments_stays(api: Api) -> None:
    """DELETE of a user who has only comments is 409 user_has_comments, and nothing is lost."""
    author, reader = new_user(api), new_user(api)
    comment = new_comment(api, new_post(api, author["id"])["id"], reader["id"])

    expect_problem(api.delete(f"/users/{reader['id']}"), 409, "user_has_comments")

    expect(api.get(f"/comments/{comment['id']}"), 200, json=comment)


@check(
    "P1-DEL-06",
    needs=("P1-DEL-05",),
    hint="A comment without its post has no meaning; which rule on the foreign key says so?",
)
def test_a_posts_comments_go_with_it(api: Api) -> None:
    """DELETE of a post removes its comments, and no others."""
    user = new_user(api)
    post, other = new_post(api, user["id"]), new_post(api, user["id"])
    lost = new_comment(api, post["id"], user["id"])
    kept = new_comment(api, other["id"], user["id"])

    expect(api.delete(f"/posts/{post['id']}"), 204)

    expect_problem(api.get(f"/comments/{lost['id']}"), 404, "comment_not_found")
    expect_problem(api.get(f"/posts/{post['id']}/comments"), 404, "post_not_found")
    expect(api.get(f"/comments/{kept['id']}"), 200, json=kept)


@check(
    "P1-DEL-07",
    needs=("P1-DEL-04", "P1-DEL-06"),
    hint="409 says: not now. When what stands in the way is gone, the same request must work.",
)
def test_a_user_can_go_when_nothing_is_left(api: Api) -> None:
    """A user whose posts and comments are gone can be deleted."""
    user = new_user(api)
    post = new_post(api, user["id"])
    new_comment(api, post["id"], user["id"])
    expect_problem(api.delete(f"/users/{user['id']}"), 409, "user_has_posts")

    expect(api.delete(f"/posts/{post['id']}"), 204)

    expect(api.delete(f"/users/{user['id']}"), 204)


@check(
    "P1-SUM-01",
    needs=("P1-USR-02",),
    hint="Aggregates over no rows: what do COUNT and MAX answer, and does the user survive a JOIN?",
)
def test_a_newcomers_summary_is_zero(api: Api) -> None:
    """The summary of a user without posts has zeros and no time of a last post."""
    user = new_user(api)
    counts = {"posts": 0, "comments": 0, "comments_received": 0, "last_post_at": None}

    summary = expect(api.get(f"/users/{user['id']}/summary"), 200, json=user | counts).json()

    expect_members(summary, *user, *counts)


@check(
    "P1-SUM-02",
    needs=("P1-SUM-01", "P1-PST-02", "P1-CMT-02"),
    hint="Joining posts and comments in one query multiplies rows before they are counted.",
)
def test_a_summary_counts_each_row_once(api: Api) -> None:
    """The summary counts posts, comments written and comments received, each exactly once."""
    user, reader = new_user(api), new_user(api)
    posts = [new_post(api, user["id"]) for _ in range(3)]
    elsewhere = new_post(api, reader["id"])
    for post, writer in ((posts[0], reader), (posts[0], reader), (posts[1], user)):
        new_comment(api, post["id"], writer["id"])
    new_comment(api, elsewhere["id"], user["id"])

    expected = {
        "posts": 3,
        "comments": 2,
        "comments_received": 3,
        "last_post_at": posts[-1]["created_at"],
    }
    expect(api.get(f"/users/{user['id']}/summary"), 200, json=user | expected)


@check("P1-SUM-03", hint="Aggregates always have a row to answer with. Does the user, too?")
def test_a_summary_of_nobody_is_404(api: Api) -> None:
    """The summary of an unknown user is 404 user_not_found."""
    for segment in (*ID_LIKE, unknown_id(api, "users")):
        expect_problem(api.get(f"/users/{segment}/summary"), 404, "user_not_found")
