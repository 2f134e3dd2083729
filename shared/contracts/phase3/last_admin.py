"""The last admin: checked last, because where this goes wrong nobody is left to repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.contracts.kit import Answer, Api, Mismatch, check, expect, expect_problem

from .givens import Fields, try_role

if TYPE_CHECKING:
    from .admins import FirstAdmin

OURS = "@example.org"
"""What the e-mails of all accounts end with that checks have opened."""


@check(
    "P3-ADM-02",
    needs=("P3-ROL-04",),
    hint="Who makes somebody an admin, when nobody is one any more?",
)
def test_the_last_admin_stays(admin: Api, first_admin: FirstAdmin) -> None:
    """The last admin can neither become a user nor be deleted: 409 last_admin."""
    me = expect(admin.get("/auth/me"), 200).json()["id"]
    for other in all_admins(admin):
        if other["id"] != me and other["email"].lower().endswith(OURS):
            expect(try_role(admin, other["id"], "user"), 200)
    if [each["id"] for each in all_admins(admin)] != [me]:
        pytest.skip(f"{first_admin.email} is not the only admin, so nobody is the last one")

    expect_stays(try_role(admin, me, "user"), first_admin)
    expect_stays(admin.delete(f"/users/{me}"), first_admin)

    expect(admin.get("/auth/me"), 200, json={"role": "admin"})
    expect(try_role(admin, me, "admin"), 200, json={"role": "admin"})


def all_admins(admin: Api) -> list[Fields]:
    """Find all admins, a page of users after the other."""
    found: list[Fields] = []
    offset = 0
    while True:
        asked = {"limit": 100, "offset": offset}
        page = expect(admin.get("/users", params=asked), 200).json()
        found += [user for user in page["items"] if user["role"] == "admin"]
        offset += 100
        if offset >= page["total"]:
            return found


def expect_stays(answer: Answer, first_admin: FirstAdmin) -> None:
    """Expect 409; if it was done instead, say what is to be done now."""
    if answer.status < 300:
        words = f"expected 409, got {answer.status}: now nobody is an admin"
        raise Mismatch(f"{words}. Make {first_admin.email} one before you go on.", answer)
    expect_problem(answer, 409, "last_admin")
