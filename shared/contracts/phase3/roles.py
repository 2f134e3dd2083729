"""Roles: what only admins may do, who makes them, and from when on it counts."""

from __future__ import annotations

import re
from typing import Any

from shared.contracts.kit import Answer, Api, Mismatch, check, expect, expect_problem, unique
from shared.contracts.phase2.givens import ID_LIKE, NOBODY, expect_members, new_product

from .givens import (
    Fields,
    new_account,
    new_admin,
    new_customer,
    new_order,
    try_login,
    try_role,
)
from .routes import for_admins, send
from .signup import USER


@check(
    "P3-ROL-01",
    needs=("P3-SGN-01", "P3-ADM-01"),
    hint="Being known and being allowed are two questions. Which of them did this route ask?",
)
def test_admins_things_are_for_admins(anybody: Api, admin: Api) -> None:
    """Every route for admins answers a user 403 forbidden, and nothing has happened."""
    customer, other = new_customer(anybody), new_account(anybody)
    product = new_product(admin)

    for user in (customer.id, other.id):
        for route in for_admins(user, product["id"]):
            expect_problem(send(customer.api, route), 403, "forbidden")

    expect(anybody.get(f"/products/{product['id']}"), 200, json=product)
    for account in (customer.account, other):
        told = {"email": account.email, "role": "user"}
        expect(admin.get(f"/users/{account.id}"), 200, json=told)


@check(
    "P3-ROL-02",
    needs=("P3-ROL-01", "P3-TOK-05"),
    hint="Where does the answer to the next request come from: from what is so now, or from what "
    "was so when the token was signed?",
)
def test_a_role_counts_from_the_next_request_on(anybody: Api, admin: Api) -> None:
    """PUT /users/{id}/role answers the user; the token they had opens more at once, or less."""
    customer = new_customer(anybody)
    expect_problem(customer.api.get("/users"), 403, "forbidden")

    for role, status in (("admin", 200), ("admin", 200), ("user", 403), ("user", 403)):
        answer = expect(try_role(admin, customer.id, role), 200, json={"role": role})
        expect_members(answer.json(), *USER)
        expect(customer.api.get("/auth/me"), 200, json={"role": role})
        expect(customer.api.get("/users"), status)


@check(
    "P3-ROL-03",
    needs=("P3-ROL-02",),
    hint="Which of a user's fields may a user write, and on whose row?",
)
def test_nobody_makes_himself_an_admin(anybody: Api, admin: Api) -> None:
    """A role, a password or an id in PATCH or POST of a user is 422 and named, for admins, too."""
    customer, boss = new_customer(anybody), new_admin(anybody, admin)
    fields = {"name": "Eve", "email": f"{unique('eve')}@example.org"}
    unasked: dict[str, Any] = {"role": "admin", "password": "x" * 20, "id": 1, "is_admin": True}

    for name, value in unasked.items():
        for one in (customer, boss):
            answer = one.api.patch(f"/users/{one.id}", json={name: value})
            expect_problem(answer, 422, "invalid_payload", fields=[name])
        answer = boss.api.post("/users", json=fields | {name: value})
        expect_problem(answer, 422, "invalid_payload", fields=[name])
        answer = boss.api.put(f"/users/{customer.id}", json=fields | {name: value})
        expect_problem(answer, 422, "invalid_payload", fields=[name])

    expect(customer.api.get("/auth/me"), 200, json={"role": "user"})
    expect(try_role(admin, boss.id, "user"), 200)


@check(
    "P3-ROL-04",
    needs=("P3-ROL-02",),
    hint="It is the last admin who has to stay. Is this one the last?",
)
def test_an_admin_may_step_down(anybody: Api, admin: Api) -> None:
    """An admin who is not the last one takes their own role away, and can be deleted after it."""
    boss = new_admin(anybody, admin)

    expect(try_role(boss.api, boss.id, "user"), 200, json={"role": "user"})

    expect_problem(try_role(boss.api, boss.id, "admin"), 403, "forbidden")
    expect(admin.delete(f"/users/{boss.id}"), 204)
    expect_problem(admin.get(f"/users/{boss.id}"), 404, "user_not_found")


@check("P3-ROL-05", needs=("P3-ADM-01",), hint="A path segment is text from a stranger.")
def test_an_unknown_user_has_no_role(admin: Api) -> None:
    """PUT of the role of a user who isn't there is 404 user_not_found."""
    for segment in ID_LIKE:
        answer = admin.put(f"/users/{segment}/role", json={"role": "user"})
        expect_problem(answer, 404, "user_not_found")


@check(
    "P3-ROL-06",
    needs=("P3-TOK-05", "P3-ADM-01"),
    hint="Whoever can change what an account is known by can have its password sent to himself.",
)
def test_ones_name_is_ones_own_to_change(anybody: Api, admin: Api) -> None:
    """PATCH of oneself changes the name; an e-mail is 403 forbidden, and nothing has changed."""
    customer = new_customer(anybody)
    path = f"/users/{customer.id}"

    expect(customer.api.patch(path, json={"name": "Countess"}), 200, json={"name": "Countess"})

    for changes in ({"email": f"{unique('x')}@example.org"}, {"name": "X", "email": "x@y.org"}):
        expect_problem(customer.api.patch(path, json=changes), 403, "forbidden")
    told = {"name": "Countess", "email": customer.account.email}
    expect(admin.get(path), 200, json=told)


@check(
    "P3-ROL-07",
    needs=("P3-ROL-06",),
    hint="403 says that there is something. Whom do you tell that?",
)
def test_other_users_are_unknown(anybody: Api, admin: Api) -> None:
    """Another user, their summary and a change of theirs are 404, as of a user who never was."""
    customer, other = new_customer(anybody), new_account(anybody)
    assert expect(customer.api.get(f"/users/{customer.id}"), 200).json()["id"] == customer.id
    expect(customer.api.get(f"/users/{customer.id}/summary"), 200, json={"orders": 0})

    for path in ("/users/{}", "/users/{}/summary"):
        theirs = expect_problem(customer.api.get(path.format(other.id)), 404, "user_not_found")
        nobodys = expect_problem(customer.api.get(path.format(NOBODY)), 404, "user_not_found")
        expect_unknown_alike(theirs, other.id, nobodys)
    for changes in ({"name": "Eve"}, {"email": "eve@example.org"}):
        answer = customer.api.patch(f"/users/{other.id}", json=changes)
        expect_problem(answer, 404, "user_not_found")

    expect(admin.get(f"/users/{other.id}"), 200, json={"email": other.email})


@check(
    "P3-ROL-08",
    needs=("P3-ADM-01",),
    hint="An account that somebody else has opened: who knows its password?",
)
def test_who_is_created_has_no_password(anybody: Api, admin: Api) -> None:
    """A user whom an admin creates is a user like others, and no password opens their account."""
    fields = {"name": "Bob", "email": f"{unique('bob')}@example.org"}

    made = expect(admin.post("/users", json=fields), 201, json=fields | {"role": "user"})

    expect_members(made.json(), *USER)
    for guess in ("None", "null", "password", " ", fields["email"]):
        answer = try_login(anybody, fields["email"], guess)
        expect_problem(answer, 401, "invalid_credentials")


@check(
    "P3-ROL-09",
    needs=("P3-ROL-02",),
    hint="To see everybody's, or to have everybody's: which is it that an admin does?",
)
def test_an_admin_sees_everybodys_orders(anybody: Api, admin: Api) -> None:
    """An admin reads, lists by user_id and cancels orders of others; theirs they stay."""
    customer, product = new_customer(anybody), new_product(admin)["id"]
    order = new_order(customer.api, {product: 2})

    expect(admin.get(f"/orders/{order['id']}"), 200, json=order)
    listed = expect(admin.get("/orders", params={"user_id": customer.id}), 200).json()["items"]
    assert [each["id"] for each in listed] == [order["id"]]
    cancelled = expect(admin.post(f"/orders/{order['id']}/cancel"), 200)

    assert cancelled.json() == order | {"status": "cancelled"}
    expect(customer.api.get(f"/orders/{order['id']}"), 200, json=cancelled.json())


def expect_unknown_alike(theirs: Answer, their_id: int, nobodys: Answer) -> None:
    """Expect the same words for what is somebody else's and for what never was, but for the id."""
    told, wanted = without_id(theirs, their_id), without_id(nobodys, NOBODY)
    if told != wanted or set(theirs.headers) != set(nobodys.headers):
        words = f"expected what is told of one that never was:\n{wanted}\ngot\n{told}"
        raise Mismatch(words, theirs)


def without_id(answer: Answer, its_id: int) -> Fields:
    """Read a problem with a dash wherever its words have the id."""
    number = re.compile(rf"(?<!\d){its_id}(?!\d)")
    problem: Fields = answer.json()
    return {
        name: number.sub("-", value) if isinstance(value, str) else value
        for name, value in problem.items()
    }
