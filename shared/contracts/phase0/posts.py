"""Posts: they belong to a user, and that user cannot leave while they are there."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import (
    MERGE_PATCH,
    NOT_IDS,
    allowed,
    new_post,
    new_user,
    post_fields,
    unknown_id,
    without,
)


@check(
    "P0-PST-01",
    needs=("P0-USR-01",),
    hint="A post is created like a user is: status, body, Location.",
)
def test_creating_a_post_answers_201(api: Api) -> None:
    """POST /posts answers 201 with the post, its new id, and where it lives."""
    fields = post_fields(new_user(api)["id"])

    answer = expect(api.post("/posts", json=fields), 201, json=fields)

    post = answer.json()
    assert set(post) == {"id", "user_id", "title", "body"}, (
        f"these are a post's fields: {set(post)}?"
    )
    expect(answer, 201, headers={"Location": f"/posts/{post['id']}"})


@check("P0-PST-02", needs=("P0-PST-01",), hint="Is what you answer on creation what you stored?")
def test_a_post_is_read_back(api: Api) -> None:
    """GET on the Location of a new post answers the same post."""
    created = expect(api.post("/posts", json=post_fields(new_user(api)["id"])), 201)

    answer = expect(api.get(created.headers["Location"]), 200)

    assert answer.json() == created.json(), "the post read back differs from the one created"


@check(
    "P0-PST-03", hint="Users and posts count separately, and a stranger's text is rarely a number."
)
def test_an_unknown_post_is_404(api: Api) -> None:
    """A path id that belongs to no post, whatever it looks like, is 404 post_not_found."""
    for segment in NOT_IDS:
        expect_problem(api.get(f"/posts/{segment}"), 404, "post_not_found")


@check(
    "P0-PST-04",
    needs=("P0-PST-01", "P0-USR-20"),
    hint="The path /posts exists. What is it, then, that is wrong with this request?",
)
def test_a_post_needs_its_user(api: Api) -> None:
    """A post for a user who doesn't exist is 422 on user_id."""
    for user_id in (unknown_id(api, "users"), 0, -1, 2**63, 10**40):
        answer = api.post("/posts", json=post_fields(user_id))
        expect_problem(answer, 422, "invalid_payload", fields=("user_id",))


@check(
    "P0-PST-05",
    needs=("P0-PST-01",),
    hint="In some languages true equals 1, and a string of digits becomes a number. In yours?",
)
def test_user_id_is_an_integer(api: Api) -> None:
    """A user_id that is a boolean, a fraction, a string or null is 422, however it looks."""
    user_id = new_user(api)["id"]
    fields = without(post_fields(user_id), "user_id")

    for value in (True, False, user_id + 0.5, str(user_id), None, [user_id]):
        answer = api.post("/posts", json=fields | {"user_id": value})
        expect_problem(answer, 422, "invalid_payload", fields=("user_id",))


@check(
    "P0-PST-06",
    needs=("P0-PST-01",),
    hint="Empty and missing are two things, and so are limit and limit plus one.",
)
def test_title_and_body_have_their_lengths(api: Api) -> None:
    """A title has 1 to 200 characters and is not blank; a body has up to 10000 and may be empty."""
    user_id = new_user(api)["id"]

    for bad in ({"title": ""}, {"title": "   "}, {"title": "x" * 201}, {"body": "x" * 10_001}):
        answer = api.post("/posts", json=post_fields(user_id, **bad))
        expect_problem(answer, 422, "invalid_payload", fields=tuple(bad))

    for good in (
        {"title": "x"},
        {"title": "\u00e9" * 200},
        {"body": ""},
        {"body": "\u00e9" * 10_000},
    ):
        expect(api.post("/posts", json=post_fields(user_id, **good)), 201, json=good)


@check("P0-PST-07", hint="Collect the mistakes, then answer.")
def test_every_bad_field_of_a_post_is_named(api: Api) -> None:
    """A post without anything, or with an unknown field, is 422 and names each."""
    answer = api.post("/posts", json={"titel": "?"})

    fields = ("user_id", "title", "body", "titel")
    expect_problem(answer, 422, "invalid_payload", fields=fields)


@check("P0-PST-08", needs=("P0-PST-02",), hint="PUT says what the thing is from now on, all of it.")
def test_put_replaces_the_post(api: Api) -> None:
    """PUT replaces a post wholly; a missing field is 422 and changes nothing."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    answer = api.put(path, json=without(post, "id", "body"))
    expect_problem(answer, 422, "invalid_payload", fields=("body",))
    expect(api.get(path), 200, json=post)

    fields = post_fields(post["user_id"], title="Replaced", body="")
    expect(api.put(path, json=fields), 200, json=fields)
    expect(api.get(path), 200, json=fields)


@check(
    "P0-PST-09", needs=("P0-PST-02",), hint="Null means remove. A patch is checked like a whole."
)
def test_patch_changes_part_of_a_post(api: Api) -> None:
    """PATCH keeps what it doesn't name, and refuses null and unknown users."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    expect(api.patch(path, content=b'{"title": "Patched"}', headers=MERGE_PATCH), 200)
    for field, value in (("body", None), ("title", None), ("user_id", 0), ("user_id", True)):
        answer = api.patch(path, json={field: value})
        expect_problem(answer, 422, "invalid_payload", fields=(field,))

    expect(api.get(path), 200, json=post | {"title": "Patched"})


@check("P0-PST-10", needs=("P0-PST-02",), hint="Gone is gone, whatever the method.")
def test_a_deleted_post_is_gone(api: Api) -> None:
    """DELETE answers 204; after that every method answers 404 post_not_found."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    expect(api.delete(path), 204)

    expect_problem(api.get(path), 404, "post_not_found")
    expect_problem(api.put(path, json=without(post, "id")), 404, "post_not_found")
    expect_problem(api.patch(path, json={"title": "Ghost"}), 404, "post_not_found")
    expect_problem(api.delete(path), 404, "post_not_found")


@check(
    "P0-PST-11",
    needs=("P0-PST-01", "P0-USR-20"),
    hint="What would the post's user_id point at afterwards?",
)
def test_a_user_with_posts_stays(api: Api) -> None:
    """DELETE of a user who has posts is 409 user_has_posts, and removes nothing."""
    user = new_user(api)
    post = new_post(api, user["id"])

    expect_problem(api.delete(f"/users/{user['id']}"), 409, "user_has_posts")

    expect(api.get(f"/users/{user['id']}"), 200, json=user)
    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check(
    "P0-PST-12",
    needs=("P0-PST-10", "P0-PST-11"),
    hint="Who counts a user's posts, and is the count kept when one goes?",
)
def test_a_user_without_posts_may_go(api: Api) -> None:
    """Once the last post is deleted, the user may be deleted."""
    user_id = new_user(api)["id"]
    posts = [new_post(api, user_id)["id"] for _ in range(2)]

    expect(api.delete(f"/posts/{posts[0]}"), 204)
    expect_problem(api.delete(f"/users/{user_id}"), 409, "user_has_posts")
    expect(api.delete(f"/posts/{posts[1]}"), 204)
    expect(api.delete(f"/users/{user_id}"), 204)


@check(
    "P0-PST-13",
    needs=("P0-PST-09", "P0-PST-11"),
    hint="A post that moves is leaving one user and reaching another.",
)
def test_a_post_may_change_hands(api: Api) -> None:
    """A post moved to another user frees the first and holds the second."""
    first, second = new_user(api)["id"], new_user(api)["id"]
    post = new_post(api, first)

    answer = api.patch(f"/posts/{post['id']}", json={"user_id": second})
    expect(answer, 200, json=post | {"user_id": second})

    expect(api.delete(f"/users/{first}"), 204)
    expect_problem(api.delete(f"/users/{second}"), 409, "user_has_posts")


@check(
    "P0-PST-14",
    needs=("P0-PST-10",),
    hint="From what is there now, or from what was ever given out?",
)
def test_post_ids_are_never_reused(api: Api) -> None:
    """The id of a deleted post is never given to another."""
    user_id = new_user(api)["id"]
    kept, gone = new_post(api, user_id)["id"], new_post(api, user_id)["id"]
    expect(api.delete(f"/posts/{gone}"), 204)

    newcomers = {new_post(api, user_id)["id"] for _ in range(3)}

    assert not newcomers & {kept, gone}, f"one of {kept}, {gone} was handed out twice"


@check(
    "P0-PST-15",
    needs=("P0-PST-02",),
    hint="Every method that a resource knows belongs into its Allow.",
)
def test_a_post_lists_its_methods(api: Api) -> None:
    """OPTIONS on a post answers 204 with a complete Allow."""
    path = f"/posts/{new_post(api, new_user(api)['id'])['id']}"

    answer = expect(api.options(path), 204)

    assert allowed(answer) == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}, (
        f"Allow of {path} says {answer.headers.get('Allow')!r}"
    )
