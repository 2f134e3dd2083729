"""Comments: under a post, by a user, edited by body alone."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import (
    ID_LIKE,
    MERGE_PATCH,
    Fields,
    expect_members,
    expect_time,
    ids,
    new_comment,
    new_post,
    new_user,
    other_spellings,
    unknown_id,
)


def given(api: Api) -> tuple[Fields, Fields]:
    """Make a user and a post of theirs."""
    user = new_user(api)
    return user, new_post(api, user["id"])


@check("P1-CMT-01", needs=("P1-PST-01",), hint="It is created under its post; where does it live?")
def test_creating_a_comment_answers_201(api: Api) -> None:
    """POST /posts/{id}/comments answers 201 with the comment and where it lives."""
    user, post = given(api)
    fields = {"user_id": user["id"], "body": "First!"}

    answer = expect(api.post(f"/posts/{post['id']}/comments", json=fields), 201, json=fields)

    comment = answer.json()
    expect_members(comment, "id", "post_id", "user_id", "body", "created_at")
    assert comment["post_id"] == post["id"], "post_id is the id in the path"
    expect_time(comment["created_at"])
    expect(answer, 201, headers={"Location": f"/comments/{comment['id']}"})


@check("P1-CMT-02", needs=("P1-CMT-01",), hint="Is your answer the row as stored?")
def test_a_comment_is_read_back(api: Api) -> None:
    """GET /comments/{id} answers the very same comment."""
    user, post = given(api)
    comment = new_comment(api, post["id"], user["id"])

    answer = expect(api.get(f"/comments/{comment['id']}"), 200)

    assert answer.json() == comment, "the comment read back differs from the one created"


@check(
    "P1-CMT-03",
    needs=("P1-CMT-01",),
    hint="One of the two ids stands in the path, the other in the payload. Whose error is whose?",
)
def test_a_comment_needs_its_post_and_its_author(api: Api) -> None:
    """Under an unknown post it is 404 post_not_found; by an unknown user 422, naming user_id."""
    user, post = given(api)
    fields = {"user_id": user["id"], "body": "Hello?"}

    for segment in (*ID_LIKE, unknown_id(api, "posts")):
        answer = api.post(f"/posts/{segment}/comments", json=fields)
        expect_problem(answer, 404, "post_not_found")

    for user_id in (unknown_id(api, "users"), 0, -1, 2**63):
        answer = api.post(f"/posts/{post['id']}/comments", json=fields | {"user_id": user_id})
        expect_problem(answer, 422, "invalid_payload", fields=["user_id"])


@check("P1-CMT-04", hint="A path segment is text from a stranger.")
def test_an_unknown_comment_is_404(api: Api) -> None:
    """A path id that belongs to no comment is 404 comment_not_found in every method."""
    for segment in (*ID_LIKE, unknown_id(api, "comments")):
        path = f"/comments/{segment}"
        for answer in (
            api.get(path),
            api.put(path, json={"body": "Nothing"}),
            api.patch(path, json={"body": "Nothing"}),
        ):
            expect_problem(answer, 404, "comment_not_found")


@check("P1-CMT-05", needs=("P1-CMT-02",), hint="One row should have one path.")
def test_a_comment_has_one_path(api: Api) -> None:
    """Another spelling of an existing id is not that comment: 404."""
    user, post = given(api)
    comment = new_comment(api, post["id"], user["id"])

    for segment in other_spellings(comment["id"]):
        expect_problem(api.get(f"/comments/{segment}"), 404, "comment_not_found")


@check(
    "P1-CMT-06", needs=("P1-CMT-02",), hint="A comment can be corrected, not moved or handed on."
)
def test_only_the_body_of_a_comment_changes(api: Api) -> None:
    """PUT and PATCH take body alone; anything else is 422 and names it."""
    user, post = given(api)
    comment = new_comment(api, post["id"], user["id"])
    path = f"/comments/{comment['id']}"

    expect(api.put(path, json={"body": "Second"}), 200, json=comment | {"body": "Second"})
    answer = api.patch(path, json={"body": "Third"}, headers=MERGE_PATCH)
    expect(answer, 200, json=comment | {"body": "Third"})
    expect(api.patch(path, json={}), 200, json=comment | {"body": "Third"})

    for name in ("id", "user_id", "post_id", "created_at"):
        for change in (api.put, api.patch):
            refused = change(path, json={"body": "Fourth", name: comment[name]})
            expect_problem(refused, 422, "invalid_payload", fields=[name])
    expect(api.get(path), 200, json=comment | {"body": "Third"})


@check("P1-CMT-07", needs=("P1-CMT-06",), hint="A comment that says nothing is not a comment.")
def test_a_comment_has_a_body(api: Api) -> None:
    """A missing, null or blank body is 422 and names it; on creation user_id as well."""
    user, post = given(api)
    path = f"/comments/{new_comment(api, post['id'], user['id'])['id']}"

    expect_problem(api.put(path, json={}), 422, "invalid_payload", fields=["body"])
    for body in (None, "", "  \n\t", 7, ["x"], "x" * 2001, "a\x00b"):
        for change in (api.put, api.patch):
            expect_problem(
                change(path, json={"body": body}), 422, "invalid_payload", fields=["body"]
            )
    answer = api.post(f"/posts/{post['id']}/comments", json={})
    expect_problem(answer, 422, "invalid_payload", fields=("user_id", "body"))
    expect(api.put(path, json={"body": "x" * 2000}), 200)


@check("P1-CMT-08", needs=("P1-CMT-02",), hint="204: done, and nothing more to say.")
def test_a_deleted_comment_is_gone(api: Api) -> None:
    """DELETE of a comment answers 204; its post and the other comments stay."""
    user, post = given(api)
    gone, kept = (new_comment(api, post["id"], user["id"]) for _ in range(2))

    expect(api.delete(f"/comments/{gone['id']}"), 204)

    expect_problem(api.get(f"/comments/{gone['id']}"), 404, "comment_not_found")
    assert ids(expect(api.get(f"/posts/{post['id']}/comments"), 200)) == [kept["id"]]


@check(
    "P1-CMT-09",
    needs=("P1-CMT-02",),
    hint="Readers want to know who speaks. How many queries does that cost you per comment?",
)
def test_comments_are_listed_with_their_authors(api: Api) -> None:
    """GET /posts/{id}/comments lists that post's comments in id order, with author and total."""
    user, post = given(api)
    reader = new_user(api, name="Reader")
    new_comment(api, new_post(api, user["id"])["id"], reader["id"], "Elsewhere")
    made = [new_comment(api, post["id"], writer["id"]) for writer in (reader, user, reader)]

    authors = [{"id": writer["id"], "name": writer["name"]} for writer in (reader, user, reader)]
    items = [comment | {"author": author} for comment, author in zip(made, authors, strict=True)]
    expected = {"items": items, "limit": 20, "offset": 0, "total": 3}
    answer = expect(api.get(f"/posts/{post['id']}/comments"), 200, json=expected)

    expect_members(answer.json()["items"][0], *made[0], "author")


@check("P1-CMT-10", needs=("P1-CMT-09",), hint="total counts what there is, not what is shown.")
def test_comments_come_in_pages(api: Api) -> None:
    """Pages of comments cover each one once; a page beyond the end is empty with the same total."""
    user, post = given(api)
    made = [new_comment(api, post["id"], user["id"])["id"] for _ in range(5)]
    path = f"/posts/{post['id']}/comments"

    seen: list[int] = []
    for offset in (0, 2, 4, 6):
        answer = api.get(path, params={"limit": 2, "offset": offset})
        expect(answer, 200, json={"limit": 2, "offset": offset, "total": 5})
        seen += ids(answer)

    assert seen == made, f"expected the comments {made}, got {seen}"


@check("P1-CMT-11", needs=("P1-CMT-09",), hint="A parameter that is ignored misleads its sender.")
def test_a_bad_query_for_comments_is_400(api: Api) -> None:
    """Parameters that the list of comments doesn't know, or out of range, are 400."""
    _, post = given(api)

    for name, value in (
        ("sort", "id"),
        ("q", "x"),
        ("limit", "0"),
        ("limit", "101"),
        ("offset", "-1"),
    ):
        answer = api.get(f"/posts/{post['id']}/comments", params={name: value})
        expect_problem(answer, 400, "invalid_query", fields=[name])
