"""Races: many clients at the same moment, judged by what must be true whoever comes first."""

from __future__ import annotations

from shared.contracts.kit import Answer, Api, check, expect, raced, tally, unique

from .givens import Fields, new_post, new_user, post_fields, user_fields

WRITERS = 64
ROUNDS = 12
"""A race may be won by luck; winning this many in a row is not luck."""


@check(
    "P0-RACE-01",
    needs=("P0-USR-02",),
    hint="Reading a counter and raising it are two steps. Who may come in between?",
)
def test_concurrent_creates_lose_nothing(api: Api) -> None:
    """64 users created at once get 64 different ids, and all of them are there."""
    surname = unique("crowd").lower()

    answers = raced(WRITERS, lambda n: api.post("/users", json=user_fields(name=f"{n} {surname}")))

    tally(answers, s201=WRITERS)
    users = {answer.json()["id"]: answer.json() for answer in answers}
    assert len(users) == WRITERS, f"{WRITERS} users share {len(users)} ids"
    page = expect(api.get(f"/users?name={surname}&limit=100"), 200).json()
    assert page["total"] == WRITERS, f"{WRITERS} users were created, {page['total']} are listed"
    assert {user["id"]: user for user in page["items"]} == users, "the rows differ from the answers"


@check(
    "P0-RACE-02",
    needs=("P0-USR-05",),
    hint="You looked, and the address was free. When did you look?",
)
def test_one_email_goes_to_one_user(api: Api) -> None:
    """Of several clients that create a user with one e-mail at once, exactly one succeeds."""
    for _ in range(ROUNDS):
        emails = [user_fields()["email"] for _ in range(WRITERS // 4)]

        def create(n: int, emails: list[str] = emails) -> Answer:
            email = emails[n // 4]
            return api.post("/users", json=user_fields(email=email.upper() if n % 2 else email))

        answers = raced(WRITERS, create)

        for first in range(0, WRITERS, 4):
            tally(answers[first : first + 4], s201=1, s409=3)


@check(
    "P0-RACE-03",
    needs=("P0-PST-11",),
    hint="The user was there when you looked. Is it there when you write?",
)
def test_no_post_outlives_its_user(api: Api) -> None:
    """When a user is deleted while posts are created, no post is ever left without its user."""
    for _ in range(ROUNDS):
        users = [new_user(api)["id"] for _ in range(WRITERS // 2)]

        def either(n: int, users: list[int] = users) -> Answer:
            user_id = users[n // 2]
            if n % 2:
                return api.delete(f"/users/{user_id}")
            return api.post("/posts", json=post_fields(user_id))

        answers = raced(WRITERS, either)

        for user_id, created, deleted in zip(users, answers[::2], answers[1::2], strict=True):
            statuses = (created.status, deleted.status)
            assert statuses in {(201, 409), (422, 204)}, (
                f"user {user_id}: creating a post answered {statuses[0]}, deleting {statuses[1]}"
            )
        expect_whole(api, users[0], kept=answers[0].status == 201)


def expect_whole(api: Api, user_id: int, *, kept: bool) -> None:
    """Expect a user with one post, or neither of them."""
    expect(api.get(f"/users/{user_id}"), 200 if kept else 404)
    posts = expect(api.get(f"/posts?user_id={user_id}"), 200)
    expect(posts, 200, json={"total": int(kept)})


@check(
    "P0-RACE-04",
    needs=("P0-USR-15",),
    hint="Read, change, write back: what happened to the other field in the meantime?",
)
def test_patches_of_different_fields_keep_both(api: Api) -> None:
    """Two patches of different fields of one user at once both survive."""
    for _ in range(ROUNDS):
        users = [new_user(api)["id"] for _ in range(WRITERS // 2)]
        wanted = [{"name": "Renamed", "email": user_fields()["email"]} for _ in users]

        def patch(n: int, users: list[int] = users, wanted: list[Fields] = wanted) -> Answer:
            field = "email" if n % 2 else "name"
            return api.patch(f"/users/{users[n // 2]}", json={field: wanted[n // 2][field]})

        tally(raced(2 * len(users), patch), s200=2 * len(users))

        for user_id, fields in zip(users, wanted, strict=True):
            expect(api.get(f"/users/{user_id}"), 200, json=fields)


@check("P0-RACE-05", needs=("P0-USR-20",), hint="Gone is gone. Who may say that it was them?")
def test_a_user_is_deleted_once(api: Api) -> None:
    """Of 8 clients that delete one user at once, one gets 204 and the others 404."""
    for _ in range(ROUNDS):
        path = f"/users/{new_user(api)['id']}"

        tally(raced(8, lambda _, path=path: api.delete(path)), s204=1, s404=7)


@check(
    "P0-RACE-06",
    needs=("P0-USR-19",),
    hint="There are more ways to an e-mail than creating a user.",
)
def test_one_email_goes_to_one_patch(api: Api) -> None:
    """Of 8 users patched to one e-mail at once, exactly one gets it."""
    users = [new_user(api)["id"] for _ in range(8)]

    for _ in range(ROUNDS):
        email = user_fields()["email"]
        answers = raced(
            8, lambda n, email=email: api.patch(f"/users/{users[n]}", json={"email": email})
        )

        tally(answers, s200=1, s409=7)


@check(
    "P0-RACE-07",
    needs=("P0-RACE-01", "P0-QRY-01"),
    hint="Who else is in the collection while you go through it?",
)
def test_lists_are_whole_while_rows_change(api: Api) -> None:
    """Lists taken while posts come and go are whole: no error, no row twice, no wrong total."""
    user_id: int = new_user(api)["id"]
    keepers = [new_post(api, user_id)["id"] for _ in range(5)]

    def writer() -> Answer:
        post = expect(api.post("/posts", json=post_fields(user_id)), 201).json()
        return api.delete(f"/posts/{post['id']}")

    def reader() -> Answer:
        return api.get(f"/posts?user_id={user_id}&limit=100")

    for _ in range(ROUNDS):
        answers = raced(16, lambda n: writer() if n % 2 else reader())

        tally(answers, s204=8, s200=8)
        for page in (answer.json() for answer in answers[::2]):
            ids = [post["id"] for post in page["items"]]
            assert ids == sorted(set(ids)), f"the list {ids} is out of order, or repeats a row"
            assert set(keepers) <= set(ids), (
                f"rows that were there all along are missing from {ids}"
            )
            assert page["total"] == len(ids), f"total is {page['total']} for {len(ids)} rows"
