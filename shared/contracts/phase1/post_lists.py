"""Lists of posts: with author and number of comments, filtered by author, text and time."""

from __future__ import annotations

from shared.contracts.kit import Answer, Api, check, expect, expect_problem, unique

from .givens import Fields, expect_members, ids, new_comment, new_post, new_user
from .user_lists import shifted


def listed(api: Api, user: Fields, **params: object) -> Answer:
    """Ask for that user's posts."""
    return expect(api.get("/posts", params={"user_id": user["id"]} | params), 200)


@check(
    "P1-PLS-01",
    needs=("P1-PST-02", "P1-CMT-02"),
    hint="Join posts with comments: what becomes of a post that has none, or three?",
)
def test_posts_are_listed_with_author_and_comment_count(api: Api) -> None:
    """Each post in a list has its author's id and name and the number of its comments, once."""
    user, reader = new_user(api, name="Author"), new_user(api)
    posts = [new_post(api, user["id"]) for _ in range(3)]
    for post, count in zip(posts, (0, 1, 3), strict=True):
        for _ in range(count):
            new_comment(api, post["id"], reader["id"])

    author = {"id": user["id"], "name": "Author"}
    items = [
        post | {"author": author, "comment_count": count}
        for post, count in zip(posts, (0, 1, 3), strict=True)
    ]
    expected = {"items": items, "limit": 20, "offset": 0, "total": 3}
    answer = expect(listed(api, user), 200, json=expected)

    expect_members(answer.json()["items"][0], *items[0])


@check("P1-PLS-02", needs=("P1-PLS-01",), hint="Filters narrow each other: AND, not OR.")
def test_posts_are_found_by_author(api: Api) -> None:
    """user_id shows that user's posts alone; a user without posts, or nobody, shows none."""
    user, other, idle = (new_user(api) for _ in range(3))
    mine, _ = new_post(api, user["id"]), new_post(api, other["id"])

    assert ids(listed(api, user)) == [mine["id"]]
    expect(listed(api, idle), 200, json={"items": [], "total": 0})
    nobody = {"id": 2**63 - 1}
    expect(listed(api, nobody), 200, json={"items": [], "total": 0})
    assert ids(listed(api, user, q=unique("absent"))) == [], "q and user_id narrow each other"


@check("P1-PLS-03", hint="An integer, in range, written as one.")
def test_a_user_id_that_is_no_id_is_400(api: Api) -> None:
    """A user_id in a query that isn't a number is 400 and named, on both lists of posts."""
    for path in ("/posts", "/feed"):
        for value in ("", "abc", "1.0", "1e3", "1 OR 1=1", "0x1", "1_0"):
            answer = api.get(path, params={"user_id": value})
            expect_problem(answer, 400, "invalid_query", fields=["user_id"])


@check("P1-PLS-04", needs=("P1-PLS-01",), hint="In the title or in the body, whatever the case.")
def test_posts_are_found_by_text(api: Api) -> None:
    """The filter q finds a part of the title or the body in any case."""
    user, word = new_user(api), unique("Text")
    in_title = new_post(api, user["id"], title=f"On {word}!")
    in_body = new_post(api, user["id"], body=f"about {word.upper()}…")
    new_post(api, user["id"])

    for q in (word, word.lower(), word.upper()):
        answer = expect(api.get("/posts", params={"q": q}), 200, json={"total": 2})
        assert ids(answer) == [in_title["id"], in_body["id"]], f"q={q!r} found {ids(answer)}"


@check("P1-PLS-05", needs=("P1-PLS-04",), hint="LIKE has letters of its own. Whose are these?")
def test_wildcards_are_data_in_a_text(api: Api) -> None:
    """Percent signs, underscores and backslashes in q stand for themselves."""
    user = new_user(api)
    made = {
        text: new_post(api, user["id"], title=text)["id"] for text in ("a%b", "a_b", r"a\b", "axb")
    }

    for text, post_id in made.items():
        assert ids(listed(api, user, q=text)) == [post_id], f"q={text!r} found something else"
    for text in ("%", "_", "\\"):
        got = ids(listed(api, user, q=text))
        assert len(got) == 1, f"q={text!r} stands for itself and is in one post, found {len(got)}"


@check("P1-PLS-06", needs=("P1-PLS-01",), hint="Which columns may a stranger sort by, and how?")
def test_posts_are_sorted(api: Api) -> None:
    """Sort is id, created_at or title, with a minus descending; ties go by id the same way."""
    user = new_user(api)
    posts = [new_post(api, user["id"], title=title) for title in ("b", "a", "b", "c", "a")]

    for key in ("id", "created_at", "title"):
        ordered = sorted(posts, key=lambda post: (post[key], post["id"]))
        ascending = [post["id"] for post in ordered]
        for sort, expected in ((key, ascending), (f"-{key}", ascending[::-1])):
            pages = [ids(listed(api, user, sort=sort, limit=2, offset=n)) for n in (0, 2, 4)]
            got = [row for page in pages for row in page]
            assert got == expected, f"sort={sort} in pages of 2: expected {expected}, got {got}"


@check(
    "P1-PLS-07", needs=("P1-PLS-01",), hint="Joined rows and counted rows are not the same rows."
)
def test_comments_change_no_total(api: Api) -> None:
    """limit, offset and total count posts, however many comments these have."""
    user = new_user(api)
    posts = [new_post(api, user["id"]) for _ in range(3)]
    for _ in range(4):
        new_comment(api, posts[0]["id"], user["id"])

    for offset, post in enumerate(posts):
        page = expect(listed(api, user, limit=1, offset=offset), 200, json={"total": 3})
        assert ids(page) == [post["id"]], f"offset {offset}: expected {post['id']}, got {ids(page)}"
    expect(listed(api, user, offset=3), 200, json={"items": [], "total": 3})


@check("P1-PLS-08", needs=("P1-PLS-01",), hint="Whose is the moment between two ranges?")
def test_time_ranges_of_posts_are_half_open(api: Api) -> None:
    """created_from includes its moment, created_before excludes it."""
    user = new_user(api)
    posts = [new_post(api, user["id"]) for _ in range(3)]
    middle = posts[1]["created_at"]
    end = shifted(middle, microseconds=1)

    after = ids(listed(api, user, created_from=middle))
    before = ids(listed(api, user, created_before=middle))
    moment = ids(listed(api, user, created_from=middle, created_before=end))

    assert after == [post["id"] for post in posts if post["created_at"] >= middle]
    assert before == [post["id"] for post in posts if post["created_at"] < middle]
    assert moment == [post["id"] for post in posts if post["created_at"] == middle]


@check(
    "P1-PLS-09", needs=("P1-PLS-01",), hint="An author's name is stored once. Is it also read once?"
)
def test_a_list_shows_the_authors_present_name(api: Api) -> None:
    """When an author is renamed or a post handed on, lists show it at once."""
    user, heir = new_user(api, name="Before"), new_user(api, name="Heir")
    post = new_post(api, user["id"])

    expect(api.patch(f"/users/{user['id']}", json={"name": "After"}), 200)
    expect(
        listed(api, user), 200, json={"items": [{"author": {"id": user["id"], "name": "After"}}]}
    )

    expect(api.patch(f"/posts/{post['id']}", json={"user_id": heir["id"]}), 200)
    expect(listed(api, heir), 200, json={"items": [{"author": {"id": heir["id"], "name": "Heir"}}]})
    expect(listed(api, user), 200, json={"items": [], "total": 0})
