"""Races: many at once, released by a barrier, judged by all their answers and the final state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.contracts.kit import (
    Answer,
    Api,
    check,
    expect,
    expect_problem,
    raced,
    tally,
    unique,
)

from .givens import Fields, ids, new_comment, new_post, new_user, post_fields, user_fields

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 12
"""Rounds after which a race that can be lost has been lost."""


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Let each call's request arrive in the same instant."""
    return raced(len(calls), lambda place: calls[place]())


@check("P1-RACE-01", needs=("P1-USR-05",), hint="Between looking whether it's free and taking it…")
def test_one_of_many_gets_an_email(api: Api) -> None:
    """Sixteen at once ask for one e-mail: one gets 201, fifteen get 409, one user exists."""
    for _ in range(ROUNDS):
        email = f"{unique('race')}@example.org"

        answers = at_once(*[_creating(api, user_fields(email=email))] * 16)

        tally(answers, s201=1, s409=15)
        for answer in answers:
            if answer.status != 201:
                expect_problem(answer, 409, "email_taken")
        expect(api.get("/users", params={"email": email}), 200, json={"total": 1})


@check("P1-RACE-02", needs=("P1-USR-14",), hint="Moving to an address is taking it, too.")
def test_one_of_many_moves_to_an_email(api: Api) -> None:
    """Eight users at once move to one e-mail: one gets 200, the others 409, and it has one user."""
    paths = [f"/users/{new_user(api)['id']}" for _ in range(8)]

    for _ in range(ROUNDS):
        email = f"{unique('race')}@example.org"
        answers = at_once(*[_patching(api, path, email=email) for path in paths])

        tally(answers, s200=1, s409=7)
        expect(api.get("/users", params={"email": email}), 200, json={"total": 1})


@check(
    "P1-RACE-03",
    needs=("P1-USR-10",),
    hint="Reading a row, changing it in memory, writing all of it back: what came in between?",
)
def test_patches_of_different_fields_both_last(api: Api) -> None:
    """Two PATCHes at once, one of the name, one of the e-mail: both are kept, every time."""
    path = f"/users/{new_user(api)['id']}"

    for _ in range(ROUNDS):
        name, email = unique("Name"), f"{unique('patch')}@example.org"
        answers = at_once(_patching(api, path, name=name), _patching(api, path, email=email))
        tally(answers, s200=2)
        expect(api.get(path), 200, json={"name": name, "email": email})


@check("P1-RACE-04", needs=("P1-PST-09",), hint="How many statements lie between read and write?")
def test_patches_of_a_post_all_last(api: Api) -> None:
    """PATCHes of a post's title, body and author at once: all three are kept, every time."""
    user, other = new_user(api), new_user(api)
    path = f"/posts/{new_post(api, user['id'])['id']}"

    for n in range(ROUNDS):
        title, body, user_id = unique("T"), unique("B"), (user, other)[n % 2]["id"]
        change = {"title": title, "body": body, "user_id": user_id}
        answers = at_once(
            *[_patching(api, path, **{name: value}) for name, value in change.items()]
        )
        tally(answers, s200=3)
        expect(api.get(path), 200, json=change)


@check("P1-RACE-05", needs=("P1-USR-01",), hint="Who hands out ids, and one at a time?")
def test_rows_made_at_once_have_their_own_ids(api: Api) -> None:
    """Thirty-two users created at once get thirty-two ids, and each is read back as it was sent."""
    for _ in range(ROUNDS):
        word = unique("crowd")

        answers = raced(32, lambda _, word=word: api.post("/users", json=user_fields(name=word)))

        tally(answers, s201=32)
        made = sorted(answer.json()["id"] for answer in answers)
        assert len(set(made)) == 32, "an id was handed out twice"
        assert ids(expect(api.get("/users", params={"name": word, "limit": 100}), 200)) == made


@check("P1-RACE-06", needs=("P1-DEL-01",), hint="How many rows did your DELETE remove?")
def test_one_of_many_deletes(api: Api) -> None:
    """Eight DELETEs of one user at once: one gets 204, the others 404."""
    for _ in range(ROUNDS):
        path = f"/users/{new_user(api)['id']}"

        answers = at_once(*[lambda path=path: api.delete(path)] * 8)

        tally(answers, s204=1, s404=7)


@check(
    "P1-RACE-07",
    needs=("P1-DEL-04", "P1-PST-04"),
    hint="Between looking that there is no post and deleting the user, a post was written.",
)
def test_deleting_a_user_races_with_their_first_post(api: Api) -> None:
    """Delete a user and write them a post at once: exactly one succeeds, and no orphan is left."""
    for _ in range(ROUNDS):
        user_id = new_user(api)["id"]

        deleted, posted = at_once(
            lambda user_id=user_id: api.delete(f"/users/{user_id}"),
            lambda user_id=user_id: api.post("/posts", json=post_fields(user_id)),
        )

        if posted.status == 201:
            expect_problem(deleted, 409, "user_has_posts")
            expect(api.get(posted.headers["Location"]), 200)
            expect(api.get(f"/users/{user_id}"), 200)
        else:
            expect_problem(posted, 422, "invalid_payload", fields=["user_id"])
            expect(deleted, 204)
            expect_problem(api.get(f"/users/{user_id}"), 404, "user_not_found")


@check(
    "P1-RACE-08",
    needs=("P1-DEL-06", "P1-CMT-03"),
    hint="The post was there when you looked. When you wrote its comment, was it still?",
)
def test_deleting_a_post_races_with_its_comments(api: Api) -> None:
    """Delete a post while four comment on it: it goes with all its comments, and none is a 500."""
    user_id = new_user(api)["id"]
    fields = {"user_id": user_id, "body": "In time?"}
    for _ in range(ROUNDS):
        path = f"/posts/{new_post(api, user_id)['id']}"

        deleted, *commented = at_once(
            lambda path=path: api.delete(path),
            *[lambda path=path: api.post(f"{path}/comments", json=fields)] * 4,
        )

        expect(deleted, 204)
        for answer in commented:
            if answer.status == 201:
                gone = api.get(answer.headers["Location"])
                expect_problem(gone, 404, "comment_not_found")
            else:
                expect_problem(answer, 404, "post_not_found")


@check("P1-RACE-09", needs=("P1-PLS-01",), hint="A counter kept beside the rows can lose count.")
def test_comments_written_at_once_are_all_counted(api: Api) -> None:
    """Twenty comments written at once are all listed, and comment_count says twenty."""
    user_id = new_user(api)["id"]
    post = new_post(api, user_id)

    raced(20, lambda _: new_comment(api, post["id"], user_id))

    expect(api.get(f"/posts/{post['id']}/comments"), 200, json={"total": 20})
    listed = api.get("/posts", params={"user_id": user_id})
    expect(listed, 200, json={"items": [{"comment_count": 20}]})


def _creating(api: Api, fields: Fields) -> Callable[[], Answer]:
    return lambda: api.post("/users", json=fields)


def _patching(api: Api, path: str, **change: object) -> Callable[[], Answer]:
    return lambda: api.patch(path, json=change)
