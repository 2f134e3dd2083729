"""The users of phase 1, who are those of the shop."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique


@check("P2-USR-01", hint="The users of phase 1 are the users of the shop.")
def test_users_are_as_before(api: Api) -> None:
    """A user is created, read, changed and deleted as in phase 1; e-mails are taken once."""
    email = f"{unique('Ada')}@Example.org"
    fields = {"name": "Ada", "email": email}
    made = expect(api.post("/users", json=fields), 201, json=fields)
    path = made.headers["Location"]

    expect_problem(api.post("/users", json=fields | {"email": email.lower()}), 409, "email_taken")
    expect(api.patch(path, json={"name": "Countess"}), 200, json={"name": "Countess"})
    expect(api.get(path), 200, json={"name": "Countess", "email": email})
    expect(api.delete(path), 204)
    expect_problem(api.get(path), 404, "user_not_found")
