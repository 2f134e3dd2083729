"""What may be sent to log in and to be known: types, lengths, media types, methods, and to whom."""

from __future__ import annotations

from typing import Any

from shared.contracts.kit import Api, check, expect, expect_problem, unique
from shared.contracts.phase2.givens import NOBODY
from shared.contracts.phase2.payloads import JSON

from .givens import (
    Fields,
    expect_unauthenticated,
    log_in,
    new_account,
    new_customer,
    new_password,
    sent_from,
    signup_fields,
    try_login,
    try_session,
    try_signup,
)
from .routes import for_admins, for_users, send

NO_TEXT: tuple[Any, ...] = (7, None, True, [], ["x"], {}, {"$ne": ""})
"""Values that are no text, the last of them a question in some databases' language."""


@check(
    "P3-PAY-01", needs=("P3-SGN-01",), hint="What may a person be called, and where do letters go?"
)
def test_a_signups_fields_have_types_and_limits(anybody: Api) -> None:
    """A signup with a bad or missing name, e-mail or password is 422 and names it."""
    for name, bad in (
        ("name", ("", " ", "x" * 101, "a\x00b", *NO_TEXT)),
        ("email", ("", "ada", "ada@", "@example.org", "ada@example", "a b@example.org", *NO_TEXT)),
        ("email", ("ada@example.org\n", "ada@@example.org", f"{'a' * 250}@example.org")),
        ("password", ("", "x", *NO_TEXT)),
        ("nickname", ("Countess",)),
    ):
        for value in bad:
            answer = try_signup(anybody, signup_fields(**{name: value}))
            expect_problem(answer, 422, "invalid_payload", fields=[name])
    for missing in ("name", "email", "password"):
        fields = signup_fields()
        del fields[missing]
        expect_problem(try_signup(anybody, fields), 422, "invalid_payload", fields=[missing])


@check("P3-PAY-02", needs=("P3-PAY-01",), hint="Is the largest allowed value allowed?")
def test_the_limits_of_a_signup_are_allowed(anybody: Api) -> None:
    """The shortest and longest names and e-mails are taken as they are."""
    domain = f"@{'.'.join(['d' * 55] * 4)}.org"
    longest = unique("ada").ljust(254 - len(domain), "a") + domain
    for changes in (
        {"name": "x"},
        {"name": "é" * 99 + "🦊", "email": longest},
        {"email": f"o'{unique('Ada')}+{{shop}}#1/2!@Ex-ample.co.uk"},
    ):
        fields = signup_fields(**changes)
        told = {name: fields[name] for name in ("name", "email")}
        expect(try_signup(anybody, fields), 201, json=told)


@check(
    "P3-PAY-03",
    needs=("P3-LOG-01", "P3-COO-01"),
    hint='A password of {"$ne": ""}: what does your query make of it?',
)
def test_a_logins_fields_are_text(anybody: Api) -> None:
    """A login, by token or cookie, with a bad, missing or unknown member is 422 and names it."""
    account = new_account(anybody)
    good: Fields = {"email": account.email, "password": account.password}
    for path in ("/auth/login", "/auth/session"):
        for name, bad in (("email", NO_TEXT), ("password", NO_TEXT), ("remember_me", (True,))):
            for value in bad:
                answer = anybody.post(path, json=good | {name: value}, headers=sent_from())
                expect_problem(answer, 422, "invalid_payload", fields=[name])
        for missing in good:
            fields = {name: value for name, value in good.items() if name != missing}
            answer = anybody.post(path, json=fields, headers=sent_from())
            expect_problem(answer, 422, "invalid_payload", fields=[missing])


@check("P3-PAY-04", needs=("P3-RFR-01",), hint="A refresh token is a word that you have written.")
def test_a_refresh_has_one_field(anybody: Api) -> None:
    """A refresh with a bad, missing or unknown member is 422 and names it; the token stays good."""
    good = {"refresh_token": log_in(anybody, new_account(anybody)).refresh}
    for name, bad in (
        ("refresh_token", ("", "x" * 100_000, *NO_TEXT)),
        ("grant_type", ("refresh_token",)),
    ):
        for value in bad:
            answer = anybody.post("/auth/refresh", json=good | {name: value}, headers=sent_from())
            expect_problem(answer, 422, "invalid_payload", fields=[name])
    answer = anybody.post("/auth/refresh", json={}, headers=sent_from())
    expect_problem(answer, 422, "invalid_payload", fields=["refresh_token"])

    expect(anybody.post("/auth/refresh", json=good, headers=sent_from()), 200)


@check("P3-PAY-05", needs=("P3-OUT-07",), hint="Whose password is it? The body has no say in that.")
def test_a_change_of_password_has_two_fields(anybody: Api) -> None:
    """A change of password with a bad, missing or unknown member is 422 and names it."""
    customer = new_customer(anybody)
    good: Fields = {
        "current_password": customer.account.password,
        "new_password": new_password(),
    }
    for name, bad in (
        ("current_password", NO_TEXT),
        ("new_password", ("", *NO_TEXT)),
        ("user_id", (customer.id,)),
        ("email", (customer.account.email,)),
    ):
        for value in bad:
            answer = customer.api.post("/auth/password", json=good | {name: value})
            expect_problem(answer, 422, "invalid_payload", fields=[name])
    for missing in good:
        fields = {name: value for name, value in good.items() if name != missing}
        answer = customer.api.post("/auth/password", json=fields)
        expect_problem(answer, 422, "invalid_payload", fields=[missing])

    expect(customer.api.post("/auth/password", json=good), 204)


@check("P3-PAY-06", needs=("P3-ROL-02",), hint="Which roles are there?")
def test_there_are_two_roles(anybody: Api, admin: Api) -> None:
    """Another role, a missing one or an unknown member is 422 and named; the role stays."""
    path = f"/users/{new_account(anybody).id}/role"
    for bad in ("root", "Admin", "ADMIN", "admin ", "", "user,admin", *NO_TEXT):
        answer = admin.put(path, json={"role": bad})
        expect_problem(answer, 422, "invalid_payload", fields=["role"])
    expect_problem(admin.put(path, json={}), 422, "invalid_payload", fields=["role"])
    answer = admin.put(path, json={"role": "admin", "since": "now"})
    expect_problem(answer, 422, "invalid_payload", fields=["since"])

    expect(admin.get(path.removesuffix("/role")), 200, json={"role": "user"})


@check("P3-PAY-07", hint="What is between the wire and your parser, on the new routes, too?")
def test_who_one_is_is_told_in_json(anybody: Api) -> None:
    """A body that is no JSON is 400, of another type 415, of another shape 422."""
    bodies: tuple[Any, ...] = (None, [], 7, "x", [{}])
    for path in ("/auth/signup", "/auth/login", "/auth/session", "/auth/refresh"):
        for content in (b"{", b"", b"email=x", b"\xff", b'{"email": NaN}'):
            answer = anybody.post(path, content=content, headers={**JSON, **sent_from()})
            expect_problem(answer, 400, "malformed_json")
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": kind, **sent_from()}
            answer = anybody.post(path, content=b"{}", headers=headers)
            expect_problem(answer, 415, "unsupported_media_type")
        for body in bodies:
            answer = anybody.post(path, json=body, headers=sent_from())
            expect_problem(answer, 422, "invalid_payload")


@check(
    "P3-PAY-08",
    needs=("P3-LOG-01",),
    hint="How long does your slow hash take for a very long password?",
)
def test_endless_passwords_are_refused(anybody: Api) -> None:
    """A login with a password of 100 000 characters is refused: 401, 413 or 422."""
    account = new_account(anybody)

    for attempt in (try_login, try_session):
        answer = attempt(anybody, account.email, "x" * 100_000)
        if answer.status not in {401, 413}:
            expect_problem(answer, 422, "invalid_payload", fields=["password"])


@check("P3-PAY-09", needs=("P3-ADM-01",), hint="Which methods does a path know, and who tells?")
def test_other_methods_of_the_new_paths_are_405(anybody: Api, admin: Api) -> None:
    """A method that a path lacks is 405 with Allow; OPTIONS answers 204 with the same."""
    user = new_account(anybody).id
    for path, lacks, methods in (
        ("/auth/signup", "GET", {"POST"}),
        ("/auth/login", "GET", {"POST"}),
        ("/auth/refresh", "GET", {"POST"}),
        ("/auth/session", "DELETE", {"GET", "HEAD", "POST"}),
        ("/auth/logout", "GET", {"POST"}),
        ("/auth/logout-everywhere", "GET", {"POST"}),
        ("/auth/me", "PATCH", {"GET", "HEAD"}),
        ("/auth/password", "GET", {"POST"}),
        (f"/users/{user}/role", "GET", {"PUT"}),
        (f"/users/{user}/sessions", "GET", {"DELETE"}),
    ):
        answer = admin.request(lacks, path)
        expect_problem(answer, 405, "method_not_allowed")
        for told in (answer, expect(admin.options(path), 204)):
            allowed = {method.strip() for method in told.headers["Allow"].split(",")}
            assert methods <= allowed, f"{path}: Allow is {sorted(allowed)}, expected {methods}"
            assert lacks not in allowed, f"{path}: Allow has {lacks}, which is 405"
    expect(admin.get("/auth/me"), 200)


@check(
    "P3-PAY-10",
    needs=("P3-TOK-06",),
    hint="Whoever may not know whether there is one: when do you look for it?",
)
def test_who_comes_before_what(anybody: Api) -> None:
    """Unknown ids and invalid bodies are 401 to nobody, and 403 to whoever lacks the role."""
    customer = new_customer(anybody)
    routes = [*for_users(NOBODY, NOBODY, NOBODY), *for_admins(NOBODY, NOBODY)]

    for route in routes:
        expect_unauthenticated(send(anybody, route))
    for path in ("/orders/abc", "/users/abc", "/orders?limit=x"):
        expect_unauthenticated(anybody.get(path))
    for path in ("/orders", "/products", "/auth/password"):
        expect_unauthenticated(anybody.post(path, json={}))
    for route in for_admins(NOBODY, NOBODY):
        expect_problem(send(customer.api, route), 403, "forbidden")
    for path in ("/products", "/users"):
        expect_problem(customer.api.post(path, json={}), 403, "forbidden")
    expect_problem(customer.api.get("/users", params={"limit": "x"}), 403, "forbidden")
