"""Users: create, read, replace, patch."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import (
    ID_LIKE,
    MERGE_PATCH,
    expect_members,
    expect_time,
    new_user,
    other_spellings,
    unknown_id,
    user_fields,
)


@check("P1-USR-01", hint="What does a client need to know about the row that now exists?")
def test_creating_a_user_answers_201(api: Api) -> None:
    """POST /users answers 201 with the user, its id, its time of birth, and where it lives."""
    fields = user_fields()

    answer = expect(api.post("/users", json=fields), 201, json=fields)

    user = answer.json()
    expect_members(user, "id", "name", "email", "created_at")
    assert type(user["id"]) is int, "an id is a JSON number"
    expect_time(user["created_at"])
    expect(answer, 201, headers={"Location": f"/users/{user['id']}"})


@check(
    "P1-USR-02",
    needs=("P1-USR-01",),
    hint="Is what you answer on creation the row as stored, or the request echoed?",
)
def test_a_user_is_read_back(api: Api) -> None:
    """GET on the Location of a new user answers the very same user."""
    created = expect(api.post("/users", json=user_fields()), 201)

    answer = expect(api.get(created.headers["Location"]), 200, json=created.json())

    assert answer.json() == created.json(), "the user read back differs from the one created"


@check(
    "P1-USR-03",
    hint="A path segment is text from a stranger. What happens on its way to being a number that "
    "the database's id column can hold?",
)
def test_an_unknown_user_is_404(api: Api) -> None:
    """A path id that belongs to no user, whatever it looks like, is 404 user_not_found."""
    for segment in (*ID_LIKE, unknown_id(api, "users")):
        expect_problem(api.get(f"/users/{segment}"), 404, "user_not_found")


@check(
    "P1-USR-04",
    needs=("P1-USR-01",),
    hint="Number parsers are generous: signs, spaces, underscores, digits of other scripts. "
    "One row should have one path.",
)
def test_a_user_has_one_path(api: Api) -> None:
    """Another spelling of an existing id is not that user: 404."""
    user = new_user(api)

    for segment in other_spellings(user["id"]):
        expect_problem(api.get(f"/users/{segment}"), 404, "user_not_found")


@check("P1-USR-05", needs=("P1-USR-01",), hint="Which part of the system can promise uniqueness?")
def test_an_email_is_taken_once(api: Api) -> None:
    """A second user with the same e-mail is refused with 409 email_taken."""
    user = new_user(api)

    answer = api.post("/users", json=user_fields(email=user["email"]))

    expect_problem(answer, 409, "email_taken")


@check(
    "P1-USR-06",
    needs=("P1-USR-05",),
    hint="Storing an address and comparing addresses are two decisions.",
)
def test_email_case_is_kept_but_not_compared(api: Api) -> None:
    """E-mails are stored as given and compared without regard to case."""
    email = f"Grace.{unique('Hopper')}@Example.ORG"
    expect(api.post("/users", json=user_fields(email=email)), 201, json={"email": email})

    answer = api.post("/users", json=user_fields(email=email.lower()))

    expect_problem(answer, 409, "email_taken")


@check("P1-USR-07", needs=("P1-USR-02",), hint="PUT carries the whole new state of the row.")
def test_put_replaces_a_user(api: Api) -> None:
    """PUT answers 200 with the replaced user; id and created_at stay."""
    user = new_user(api)
    fields = user_fields(name="Grace Hopper")

    answer = expect(api.put(f"/users/{user['id']}", json=fields), 200, json=user | fields)

    expect(api.get(f"/users/{user['id']}"), 200, json=answer.json())


@check(
    "P1-USR-08",
    needs=("P1-USR-07",),
    hint="Replacing with half a state: what should become of the other half?",
)
def test_put_needs_every_field(api: Api) -> None:
    """PUT with a field missing is 422 and names it; the user stays as it was."""
    user = new_user(api)
    path = f"/users/{user['id']}"

    for present, missing in (("name", "email"), ("email", "name")):
        answer = api.put(path, json={present: user[present]})
        expect_problem(answer, 422, "invalid_payload", fields=[missing])

    expect(api.get(path), 200, json=user)


@check(
    "P1-USR-09",
    needs=("P1-USR-07",),
    hint="Ids are the server's to hand out. What should PUT do where there is nothing to replace?",
)
def test_put_and_patch_never_create(api: Api) -> None:
    """PUT and PATCH on an unknown id are 404 and create nothing."""
    path = f"/users/{unknown_id(api, 'users')}"

    expect_problem(api.put(path, json=user_fields()), 404, "user_not_found")
    expect_problem(api.patch(path, json={"name": "Nobody"}), 404, "user_not_found")

    expect_problem(api.get(path), 404, "user_not_found")


@check(
    "P1-USR-10",
    needs=("P1-USR-02",),
    hint="A field that wasn't sent and a field sent as null are two different wishes.",
)
def test_patch_changes_only_what_it_names(api: Api) -> None:
    """PATCH with one field changes it and leaves the rest."""
    user = new_user(api)
    path = f"/users/{user['id']}"
    email = f"{unique('new')}@example.org"

    named = expect(api.patch(path, json={"name": "Countess"}), 200).json()
    mailed = expect(api.patch(path, json={"email": email}), 200).json()

    assert named == user | {"name": "Countess"}, "only the name was to change"
    assert mailed == named | {"email": email}, "only the e-mail was to change"
    expect(api.get(path), 200, json=mailed)


@check("P1-USR-11", needs=("P1-USR-10",), hint="What does an UPDATE with nothing to set look like?")
def test_an_empty_patch_changes_nothing(api: Api) -> None:
    """PATCH with {} answers 200 with the user as it is."""
    user = new_user(api)

    expect(api.patch(f"/users/{user['id']}", json={}), 200, json=user)


@check(
    "P1-USR-12",
    needs=("P1-USR-10",),
    hint="In a merge patch null removes a member (RFC 7396). Can these be removed?",
)
def test_null_is_refused_in_a_patch(api: Api) -> None:
    """PATCH with null for a required field is 422 and names it."""
    user = new_user(api)

    answer = api.patch(f"/users/{user['id']}", json={"name": None, "email": None})

    expect_problem(answer, 422, "invalid_payload", fields=("name", "email"))
    expect(api.get(f"/users/{user['id']}"), 200, json=user)


@check(
    "P1-USR-13", needs=("P1-USR-10",), hint="A merge patch has a media type of its own (RFC 7396)."
)
def test_a_patch_may_call_itself_merge_patch(api: Api) -> None:
    """PATCH takes application/merge-patch+json as well as application/json."""
    user = new_user(api)

    answer = api.patch(f"/users/{user['id']}", json={"name": "Augusta"}, headers=MERGE_PATCH)

    expect(answer, 200, json={"name": "Augusta"})


@check(
    "P1-USR-14",
    needs=("P1-USR-05", "P1-USR-07", "P1-USR-10"),
    hint="Creating is not the only way to an address that somebody else has.",
)
def test_a_taken_email_cannot_be_moved_to(api: Api) -> None:
    """PUT or PATCH to another user's e-mail is 409; to one's own, in any case, it is fine."""
    user, other = new_user(api), new_user(api)
    path = f"/users/{user['id']}"

    for taken in (other["email"], other["email"].upper()):
        expect_problem(api.patch(path, json={"email": taken}), 409, "email_taken")
        expect_problem(api.put(path, json=user_fields(email=taken)), 409, "email_taken")

    own = user["email"].upper()
    expect(api.patch(path, json={"email": own}), 200, json={"email": own})


@check(
    "P1-USR-15",
    needs=("P1-USR-07", "P1-USR-10"),
    hint="Which members of a user belong to the client, and which to the server?",
)
def test_the_servers_members_cannot_be_set(api: Api) -> None:
    """Sending id, created_at or any unknown member is 422 and names it, in every method."""
    user = new_user(api)
    path = f"/users/{user['id']}"

    for name, value in (("id", 7), ("created_at", user["created_at"]), ("admin", True)):
        extra = {name: value}
        for answer in (
            api.post("/users", json=user_fields(**extra)),
            api.put(path, json=user_fields(**extra)),
            api.patch(path, json=extra),
        ):
            expect_problem(answer, 422, "invalid_payload", fields=[name])

    expect(api.get(path), 200, json=user)
