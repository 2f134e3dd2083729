"""Posts: create, read, replace, patch, and the time of the last change."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import (
    ID_LIKE,
    MERGE_PATCH,
    expect_members,
    expect_time,
    new_post,
    new_user,
    other_spellings,
    post_fields,
    unknown_id,
)

MEMBERS = ("id", "user_id", "title", "body", "created_at", "updated_at")


@check("P1-PST-01", needs=("P1-USR-01",), hint="A post is born: when was it last changed?")
def test_creating_a_post_answers_201(api: Api) -> None:
    """POST /posts answers 201 with the post, its times, and where it lives."""
    fields = post_fields(new_user(api)["id"])

    answer = expect(api.post("/posts", json=fields), 201, json=fields)

    post = answer.json()
    expect_members(post, *MEMBERS)
    expect_time(post["created_at"])
    assert post["updated_at"] == post["created_at"], "a new post hasn't been changed yet"
    expect(answer, 201, headers={"Location": f"/posts/{post['id']}"})


@check("P1-PST-02", needs=("P1-PST-01",), hint="Is your answer the row as stored?")
def test_a_post_is_read_back(api: Api) -> None:
    """GET on the Location of a new post answers the very same post."""
    created = expect(api.post("/posts", json=post_fields(new_user(api)["id"])), 201)

    answer = expect(api.get(created.headers["Location"]), 200)

    assert answer.json() == created.json(), "the post read back differs from the one created"


@check("P1-PST-03", needs=("P1-PST-01",), hint="A post may have nothing but a title to say.")
def test_a_posts_body_may_be_empty(api: Api) -> None:
    """A post with an empty body is fine; without a body member it isn't."""
    fields = post_fields(new_user(api)["id"], body="")

    expect(api.post("/posts", json=fields), 201, json={"body": ""})

    del fields["body"]
    expect_problem(api.post("/posts", json=fields), 422, "invalid_payload", fields=["body"])


@check(
    "P1-PST-04",
    needs=("P1-PST-01",),
    hint="The path is fine; it is the payload that points at nobody. And a foreign key knows it.",
)
def test_a_post_needs_an_existing_author(api: Api) -> None:
    """A post by an unknown user is 422 and names user_id: on POST, PUT and PATCH."""
    nobody = unknown_id(api, "users")
    post = new_post(api, new_user(api)["id"])

    for user_id in (nobody, 0, -1, 2**63 - 1, 2**63, 10**30):
        for answer in (
            api.post("/posts", json=post_fields(user_id)),
            api.put(f"/posts/{post['id']}", json=post_fields(user_id)),
            api.patch(f"/posts/{post['id']}", json={"user_id": user_id}),
        ):
            expect_problem(answer, 422, "invalid_payload", fields=["user_id"])

    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check("P1-PST-05", hint="A path segment is text from a stranger.")
def test_an_unknown_post_is_404(api: Api) -> None:
    """A path id that belongs to no post, whatever it looks like, is 404 post_not_found."""
    user_id = new_user(api)["id"]

    for segment in (*ID_LIKE, unknown_id(api, "posts")):
        path = f"/posts/{segment}"
        for answer in (
            api.get(path),
            api.put(path, json=post_fields(user_id)),
            api.patch(path, json={"title": "Nothing"}),
            api.get(f"{path}/comments"),
        ):
            expect_problem(answer, 404, "post_not_found")


@check("P1-PST-06", needs=("P1-PST-02",), hint="One row should have one path.")
def test_a_post_has_one_path(api: Api) -> None:
    """Another spelling of an existing id is not that post: 404."""
    post = new_post(api, new_user(api)["id"])

    for segment in other_spellings(post["id"]):
        expect_problem(api.get(f"/posts/{segment}"), 404, "post_not_found")


@check("P1-PST-07", needs=("P1-PST-02",), hint="PUT carries the whole new state, author included.")
def test_put_replaces_a_post(api: Api) -> None:
    """PUT answers 200 with the replaced post; id and created_at stay, updated_at moves."""
    post = new_post(api, new_user(api)["id"])
    fields = post_fields(new_user(api)["id"], title="Second thoughts", body="")

    answer = expect(api.put(f"/posts/{post['id']}", json=fields), 200, json=fields)

    replaced = answer.json()
    expect_members(replaced, *MEMBERS)
    assert (replaced["id"], replaced["created_at"]) == (post["id"], post["created_at"])
    assert replaced["updated_at"] > post["updated_at"], "updated_at moves when a post changes"
    expect(api.get(f"/posts/{post['id']}"), 200, json=replaced)


@check("P1-PST-08", needs=("P1-PST-07",), hint="Replacing with half a state loses the other half.")
def test_put_needs_every_field_of_a_post(api: Api) -> None:
    """PUT with any field missing is 422 and names it; the post stays as it was."""
    post = new_post(api, new_user(api)["id"])
    fields = post_fields(post["user_id"], title="Changed")

    for missing in fields:
        rest = {name: value for name, value in fields.items() if name != missing}
        answer = api.put(f"/posts/{post['id']}", json=rest)
        expect_problem(answer, 422, "invalid_payload", fields=[missing])

    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check("P1-PST-09", needs=("P1-PST-02",), hint="Not sent, and sent as empty, are different wishes.")
def test_patch_changes_only_what_it_names_in_a_post(api: Api) -> None:
    """PATCH changes the fields it names, one at a time, and leaves the rest."""
    post = new_post(api, new_user(api)["id"])
    other = new_user(api)

    for change in ({"title": "Anew"}, {"body": ""}, {"user_id": other["id"]}):
        answer = api.patch(f"/posts/{post['id']}", json=change, headers=MERGE_PATCH)
        patched = expect(answer, 200, json=change).json()
        moved = {"updated_at": patched["updated_at"]}
        assert patched == post | change | moved, "other fields changed as well"
        post = patched

    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check("P1-PST-10", needs=("P1-PST-09",), hint="Can a post be without these?")
def test_null_is_refused_in_a_patch_of_a_post(api: Api) -> None:
    """PATCH with null is 422 and names every such field."""
    post = new_post(api, new_user(api)["id"])
    nulls = {"user_id": None, "title": None, "body": None}

    answer = api.patch(f"/posts/{post['id']}", json=nulls)

    expect_problem(answer, 422, "invalid_payload", fields=nulls)
    expect(api.get(f"/posts/{post['id']}"), 200, json=post)


@check(
    "P1-PST-11",
    needs=("P1-PST-09",),
    hint="updated_at tells when something changed, not when somebody knocked.",
)
def test_updated_at_moves_only_with_a_change(api: Api) -> None:
    """updated_at moves with each change, and stays when a PATCH or PUT changes nothing."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    expect(api.patch(path, json={}), 200, json=post)
    expect(api.patch(path, json={"title": post["title"]}), 200, json=post)
    expect(api.put(path, json=post_fields(post["user_id"])), 200, json=post)
    first = expect(api.patch(path, json={"title": "One"}), 200).json()
    second = expect(api.patch(path, json={"title": "Two"}), 200).json()

    times = [post["updated_at"], first["updated_at"], second["updated_at"]]
    assert times == sorted(set(times)), f"updated_at should grow with each change, got {times}"
    expect_time(second["updated_at"])
    assert second["created_at"] == post["created_at"], "created_at never moves"


@check("P1-PST-12", needs=("P1-PST-09",), hint="Which members belong to the server?")
def test_the_servers_members_of_a_post_cannot_be_set(api: Api) -> None:
    """Sending id, a time or an unknown member is 422 and names it, in every method."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    for name in ("id", "created_at", "updated_at", "author", "tags"):
        extra = {name: post.get(name, [])}
        for answer in (
            api.post("/posts", json=post_fields(post["user_id"], **extra)),
            api.put(path, json=post_fields(post["user_id"], **extra)),
            api.patch(path, json=extra),
        ):
            expect_problem(answer, 422, "invalid_payload", fields=[name])


@check("P1-PST-13", needs=("P1-DEL-01", "P1-PST-02"), hint="204: done, and nothing more to say.")
def test_a_deleted_post_is_gone(api: Api) -> None:
    """DELETE of a post answers 204; afterwards it is unknown, and so to the list."""
    post = new_post(api, new_user(api)["id"])
    path = f"/posts/{post['id']}"

    expect(api.delete(path), 204)

    expect_problem(api.get(path), 404, "post_not_found")
    expect_problem(api.delete(path), 404, "post_not_found")
    listed = api.get("/posts", params={"user_id": post["user_id"]})
    expect(listed, 200, json={"items": [], "total": 0})
