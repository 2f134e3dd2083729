"""Signing up: anybody may open an account, and say of it what is theirs to say."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem
from shared.contracts.phase2.givens import expect_members, expect_time

from .givens import (
    log_in,
    new_account,
    new_password,
    signup_fields,
    try_login,
    try_signup,
)

USER = ("id", "name", "email", "role", "created_at")
"""What is told of a user."""

COMMON = (
    "password",
    "12345678",
    "123456789",
    "password1",
    "Password1",
    "iloveyou",
    "SUNSHINE",
    "princess",
    "football",
    "1234567890",
    "11111111",
)
"""Passwords that stand near the top of every list of them."""


@check(
    "P3-SGN-01",
    hint="An account is a user. Which of its columns are for nobody's eyes, not even its owner's?",
)
def test_signing_up_answers_201(anybody: Api) -> None:
    """POST /auth/signup answers 201 with the user, whose role is user, and where it lives."""
    fields = signup_fields()

    answer = expect(try_signup(anybody, fields), 201)

    user = answer.json()
    expect_members(user, *USER)
    told = {"name": fields["name"], "email": fields["email"], "role": "user"}
    expect(answer, 201, json=told, headers={"Location": f"/users/{user['id']}"})
    assert type(user["id"]) is int, "an id is a JSON number"
    expect_time(user["created_at"])


@check(
    "P3-SGN-02",
    needs=("P3-SGN-01",),
    hint="A body becomes a row. Who chose the columns: you, or whoever wrote the body?",
)
def test_nobody_signs_up_as_an_admin(anybody: Api) -> None:
    """A signup that says its role, its id or the like is 422 and names it; no account is opened."""
    fields = signup_fields()
    for name, value in (
        ("role", "admin"),
        ("role", "user"),
        ("is_admin", True),
        ("id", 1),
        ("created_at", "2020-01-01T00:00:00Z"),
        ("email_verified", True),
        ("password_hash", "x"),
    ):
        answer = try_signup(anybody, fields | {name: value})
        expect_problem(answer, 422, "invalid_payload", fields=[name])

    expect(try_signup(anybody, fields), 201, json={"role": "user"})


@check(
    "P3-SGN-03",
    needs=("P3-LOG-01",),
    hint="Ada@Example.org and ada@example.org: how many letter boxes are that?",
)
def test_an_address_has_one_account(anybody: Api) -> None:
    """An e-mail that is taken, in whatever case, is 409 email_taken; its owner's account stays."""
    owner = new_account(anybody)

    for taken in (owner.email, owner.email.upper()):
        answer = try_signup(anybody, signup_fields(name="Eve", email=taken))
        expect_problem(answer, 409, "email_taken")

    log_in(anybody, owner)


@check(
    "P3-SGN-04",
    needs=("P3-SGN-01",),
    hint="How long is a text: as many as its characters, its bytes, or its UTF-16 units?",
)
def test_a_password_has_eight_characters(anybody: Api) -> None:
    """A password of seven characters is 422 and named, one of eight is taken, in any alphabet."""
    for seven in (new_password()[:7], "🦊🐙🦉🐝🐢🦀🐌"):
        answer = try_signup(anybody, signup_fields(password=seven))
        expect_problem(answer, 422, "invalid_payload", fields=["password"])

    for eight in (new_password()[:8], "🦊🐙🦉🐝🐢🦀🐌🦔"):
        expect(try_signup(anybody, signup_fields(password=eight)), 201)


@check(
    "P3-SGN-05",
    needs=("P3-SGN-04",),
    hint="Password managers make long ones, and people whole sentences. Who is better off with a "
    "limit, and what becomes of those who wait when there is none?",
)
def test_a_password_may_be_long(anybody: Api) -> None:
    """Passwords of 64 and of 1000 characters are taken; 100 000 are refused, 422 or 413."""
    for length in (64, 1000):
        long = (new_password() * length)[:length]
        expect(try_signup(anybody, signup_fields(password=long)), 201)

    answer = try_signup(anybody, signup_fields(password=new_password() * 5000))

    if answer.status != 413:
        expect_problem(answer, 422, "invalid_payload", fields=["password"])


@check(
    "P3-SGN-06",
    needs=("P3-SGN-05", "P3-LOG-01"),
    hint="What does your hash function do with byte 73, and with a zero byte?",
)
def test_all_of_a_password_counts(anybody: Api) -> None:
    """A long password with another end, or cut at 72 bytes, is another password."""
    owner = new_account(anybody, password=new_password() * 10)
    log_in(anybody, owner)

    for other in (owner.password[:-1] + "!", owner.password[:72]):
        answer = try_login(anybody, owner.email, other)
        expect_problem(answer, 401, "invalid_credentials")


@check(
    "P3-SGN-07",
    needs=("P3-SGN-04", "P3-LOG-01"),
    hint="A form field is cleaned up before it is stored. A password, too?",
)
def test_a_password_is_taken_as_it_is(anybody: Api) -> None:
    """Any characters may be in a password; spaces around it and its case are a part of it."""
    owner = new_account(anybody, password="  Größe & ГОРОД 東京 🦊 ' \\ <b> %s  ")  # noqa: S106
    log_in(anybody, owner)

    for other in (owner.password.strip(), owner.password.lower()):
        answer = try_login(anybody, owner.email, other)
        expect_problem(answer, 401, "invalid_credentials")


@check(
    "P3-SGN-08",
    needs=("P3-SGN-04", "P3-LOG-01"),
    hint="JSON can write characters that a C string, a database or UTF-8 cannot. Which of them is "
    "the first to meet your password?",
)
def test_odd_characters_do_no_harm(anybody: Api) -> None:
    r"""U+0000 and half a character (\ud800) in a password: 422, or all of the password counts."""
    beginning = new_password()
    for odd in ("\0", "\ud800"):
        fields = signup_fields(password=f"{beginning}{odd}one end")
        answer = try_signup(anybody, fields)
        if answer.status == 201:
            other = try_login(anybody, fields["email"], f"{beginning}{odd}another end")
            expect_problem(other, 401, "invalid_credentials")
        elif answer.status == 400:
            expect_problem(answer, 400, "malformed_json")
        else:
            expect_problem(answer, 422, "invalid_payload", fields=["password"])


@check(
    "P3-SGN-09",
    needs=("P3-SGN-01",),
    hint="Which passwords does somebody try who has a list and a thousand accounts?",
)
def test_the_commonest_passwords_are_refused(anybody: Api) -> None:
    """A password that most people choose, in whatever case, is 422 and named."""
    for common in COMMON:
        answer = try_signup(anybody, signup_fields(password=common))
        expect_problem(answer, 422, "invalid_payload", fields=["password"])


@check(
    "P3-SGN-10",
    needs=("P3-SGN-01",),
    hint="Whoever is after one account knows something about its owner.",
)
def test_ones_own_address_is_no_password(anybody: Api) -> None:
    """One's own e-mail as the password, in whatever case, is 422 and named."""
    fields = signup_fields()
    for known in (fields["email"], fields["email"].upper()):
        answer = try_signup(anybody, fields | {"password": known})
        expect_problem(answer, 422, "invalid_payload", fields=["password"])


@check(
    "P3-SGN-11",
    needs=("P3-SGN-01",),
    hint="A digit, a capital and a sign: that rule has made one password famous. Which?",
)
def test_no_kind_of_character_is_asked_for(anybody: Api) -> None:
    """A password of nothing but small letters, or of nothing but digits, is taken."""
    random = new_password().encode().hex()
    letters = random.translate(str.maketrans("0123456789", "ghijklmnop"))
    digits = str(int(random, 16))
    for password in (letters, digits):
        expect(try_signup(anybody, signup_fields(password=password)), 201)
