"""Changing users: replaced, patched, deleted, and what must be as it was when that is refused."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import MERGE_PATCH, new_user, unknown_id, user_fields, without


@check("P0-USR-12", needs=("P0-USR-02",), hint="PUT says what the thing is from now on.")
def test_put_replaces_the_user(api: Api) -> None:
    """PUT answers 200 with the user replaced, and so it stays."""
    path = f"/users/{new_user(api)['id']}"
    fields = user_fields(name="Replaced")

    expect(api.put(path, json=fields), 200, json=fields)

    expect(api.get(path), 200, json=fields)


@check(
    "P0-USR-13", needs=("P0-USR-12",), hint="Replacing wholly and changing partly are two methods."
)
def test_put_needs_every_field(api: Api) -> None:
    """PUT without a required field is 422, and nothing is changed."""
    user = new_user(api)

    answer = api.put(f"/users/{user['id']}", json={"name": "Half a user"})

    expect_problem(answer, 422, "invalid_payload", fields=("email",))
    expect(api.get(f"/users/{user['id']}"), 200, json=user)


@check(
    "P0-USR-14",
    needs=("P0-USR-12", "P0-USR-20"),
    hint="Who hands out ids here, the client or the server?",
)
def test_put_never_creates(api: Api) -> None:
    """PUT, PATCH and DELETE of an unknown user are 404, and create nothing."""
    path = f"/users/{unknown_id(api, 'users')}"

    expect_problem(api.put(path, json=user_fields()), 404, "user_not_found")
    expect_problem(api.patch(path, json={"name": "Nobody"}), 404, "user_not_found")
    expect_problem(api.delete(path), 404, "user_not_found")
    expect_problem(api.get(path), 404, "user_not_found")


@check(
    "P0-USR-15",
    needs=("P0-USR-02",),
    hint="What happens to the fields that the patch doesn't mention?",
)
def test_patch_changes_what_it_names(api: Api) -> None:
    """PATCH changes the fields it names and keeps the others."""
    user = new_user(api)
    patched = user | {"name": "Patched"}

    expect(api.patch(f"/users/{user['id']}", json={"name": "Patched"}), 200, json=patched)

    expect(api.get(f"/users/{user['id']}"), 200, json=patched)


@check("P0-USR-16", needs=("P0-USR-15",), hint="Nothing to change is not a mistake.")
def test_an_empty_patch_changes_nothing(api: Api) -> None:
    """PATCH with {} answers 200 and the user as it was."""
    user = new_user(api)

    expect(api.patch(f"/users/{user['id']}", json={}), 200, json=user)


@check(
    "P0-USR-17",
    needs=("P0-USR-15",),
    hint="In a merge patch null means remove. May this field be removed?",
)
def test_null_cannot_remove_a_required_field(api: Api) -> None:
    """PATCH with null for a required field is 422, and nothing is changed."""
    user = new_user(api)
    path = f"/users/{user['id']}"

    for field in ("name", "email"):
        answer = api.patch(path, json={field: None})
        expect_problem(answer, 422, "invalid_payload", fields=(field,))

    expect(api.get(path), 200, json=user)


@check(
    "P0-USR-18", needs=("P0-USR-15",), hint="A merge patch has a media type of its own (RFC 7396)."
)
def test_patch_takes_both_media_types(api: Api) -> None:
    """PATCH takes application/merge-patch+json as well as application/json."""
    path = f"/users/{new_user(api)['id']}"

    answer = api.patch(path, content=b'{"name": "Merged"}', headers=MERGE_PATCH)

    expect(answer, 200, json={"name": "Merged"})


@check(
    "P0-USR-19",
    needs=("P0-USR-12", "P0-USR-15"),
    hint="When a user is changed, whose e-mail may it meet?",
)
def test_a_change_meets_other_users_emails(api: Api) -> None:
    """Taking another user's e-mail is 409; keeping one's own, in any case, is fine."""
    user, other = new_user(api), new_user(api)
    path = f"/users/{user['id']}"

    expect_problem(api.patch(path, json={"email": other["email"]}), 409, "email_taken")
    expect_problem(api.put(path, json=without(other, "id")), 409, "email_taken")

    shouted = user["email"].upper()
    expect(api.patch(path, json={"email": shouted}), 200, json={"email": shouted})
    expect(api.put(path, json=without(user, "id")), 200, json=user)


@check("P0-USR-20", needs=("P0-USR-02",), hint="Gone is gone: what does a second look find?")
def test_delete_removes_the_user(api: Api) -> None:
    """DELETE answers 204; after that the user is 404."""
    path = f"/users/{new_user(api)['id']}"

    expect(api.delete(path), 204)

    expect_problem(api.get(path), 404, "user_not_found")
    expect_problem(api.delete(path), 404, "user_not_found")


@check(
    "P0-USR-21",
    needs=("P0-USR-20",),
    hint="How is the next id found: from what is there now, or from what was ever given out?",
)
def test_ids_are_never_reused(api: Api) -> None:
    """The id of a deleted user is never given to another."""
    keeper, gone = new_user(api), new_user(api)
    expect(api.delete(f"/users/{gone['id']}"), 204)

    newcomers = [new_user(api)["id"] for _ in range(3)]

    assert gone["id"] not in newcomers, f"id {gone['id']} was handed out twice"
    assert keeper["id"] not in newcomers, f"id {keeper['id']} is in use and was handed out again"


@check(
    "P0-USR-22",
    needs=("P0-USR-04", "P0-USR-19", "P0-USR-20"),
    hint="An index of addresses is a second copy of the data. Who keeps it in step?",
)
def test_an_email_is_free_again(api: Api) -> None:
    """An e-mail is free again once its user is deleted or has changed it."""
    deleted, renamed = new_user(api), new_user(api)
    expect(api.delete(f"/users/{deleted['id']}"), 204)
    new_email = user_fields()["email"]
    expect(api.patch(f"/users/{renamed['id']}", json={"email": new_email}), 200)

    new_user(api, email=deleted["email"])
    new_user(api, email=renamed["email"])


@check("P0-USR-26", needs=("P0-USR-15",), hint="Check everything, then change anything.")
def test_a_refused_patch_changes_nothing(api: Api) -> None:
    """A patch with one good and one bad field changes neither."""
    user, other = new_user(api), new_user(api)
    path = f"/users/{user['id']}"

    answer = api.patch(path, json={"name": "Half done", "email": "nobody"})
    expect_problem(answer, 422, "invalid_payload", fields=("email",))
    expect_problem(
        api.patch(path, json={"name": "Half done", "email": other["email"]}), 409, "email_taken"
    )

    expect(api.get(path), 200, json=user)
