"""Logging in: a password for tokens, and one answer to whatever is wrong."""

from __future__ import annotations

from shared.contracts.kit import Answer, Api, Mismatch, check, expect, expect_problem, unique
from shared.contracts.phase2.givens import expect_members

from .givens import (
    Account,
    decoded,
    expect_unauthenticated,
    log_in,
    new_account,
    new_password,
    tokens_in,
    try_login,
)

LONGEST_LIFE = 900
"""Seconds for which an access token may be good: nobody can take it back from a thief."""

SHORTEST_SECRET = 22
"""Characters of a secret that nobody guesses: 128 bits in base64."""


@check(
    "P3-LOG-01",
    needs=("P3-SGN-01",),
    hint="What does a client need to go on with, and for how long? Who on the way may keep it?",
)
def test_logging_in_gives_tokens(anybody: Api) -> None:
    """POST /auth/login answers 200 with two tokens, for a quarter of an hour, and no-store."""
    account = new_account(anybody)

    answer = expect(try_login(anybody, account.email, account.password), 200)

    expect_members(answer.json(), "access_token", "token_type", "expires_in", "refresh_token")
    tokens = tokens_in(answer)
    assert type(tokens.lifetime) is int, "expires_in is a number of seconds"
    assert 0 < tokens.lifetime <= LONGEST_LIFE, f"expires_in is {tokens.lifetime}"
    assert len(tokens.refresh) >= SHORTEST_SECRET, "the refresh token can be guessed"
    assert "no-store" in answer.headers["Cache-Control"], "the tokens may be kept on the way"


@check(
    "P3-LOG-02",
    needs=("P3-LOG-01",),
    hint="Phones write the first letter of everything as a capital.",
)
def test_the_case_of_an_address_does_not_matter(anybody: Api) -> None:
    """An e-mail in capitals is the same e-mail, at the signup and at the login."""
    account = new_account(anybody, email=f"{unique('Ada.Lovelace')}@Example.ORG")

    for spelling in (account.email.lower(), account.email.upper()):
        expect(try_login(anybody, spelling, account.password), 200)


@check(
    "P3-LOG-03",
    needs=("P3-LOG-01", "P3-ADM-01"),
    hint="What does a stranger with a list of addresses learn from the difference?",
)
def test_a_failed_login_tells_nothing(anybody: Api, admin: Api) -> None:
    """Unknown e-mail, wrong password, no password, deleted account: the very same 401."""
    fields = {"name": "Bob", "email": f"{unique('bob')}@example.org"}
    without = expect(admin.post("/users", json=fields), 201).json()
    deleted, account = new_account(anybody), new_account(anybody)
    expect(admin.delete(f"/users/{deleted.id}"), 204)

    wrong = try_login(anybody, account.email, new_password())

    expect_unauthenticated(wrong, "invalid_credentials")
    for other in (
        try_login(anybody, f"{unique('nobody')}@example.org", new_password()),
        try_login(anybody, without["email"], new_password()),
        try_login(anybody, deleted.email, deleted.password),
    ):
        expect_the_same(wrong, other)


@check(
    "P3-LOG-04",
    needs=("P3-LOG-01",),
    hint="= and LIKE: which characters of an e-mail mean something to one of them?",
)
def test_an_address_is_no_pattern(anybody: Api) -> None:
    """An e-mail with _ or % for some of its letters is an unknown one."""
    account = new_account(anybody)

    for pattern in (f"_{account.email[1:]}", f"%{account.email[3:]}"):
        answer = try_login(anybody, pattern, account.password)
        expect_problem(answer, 401, "invalid_credentials")


@check("P3-LOG-05", needs=("P3-TOK-02",), hint="Two machines, one user: what ends when one leaves?")
def test_each_login_is_another(anybody: Api) -> None:
    """Two logins of one account give different refresh tokens, and access tokens with two jti."""
    account = new_account(anybody)

    one, other = log_in(anybody, account), log_in(anybody, account)

    assert one.refresh != other.refresh, "both logins have one refresh token"
    jtis = [decoded(tokens.access).claims["jti"] for tokens in (one, other)]
    assert jtis[0] != jtis[1], "both access tokens have one jti"


@check(
    "P3-LOG-06",
    needs=("P3-LOG-02", "P3-ADM-01"),
    hint="What was an account known by yesterday, and what is it known by today?",
)
def test_a_new_address_opens_the_old_one_doesnt(anybody: Api, admin: Api) -> None:
    """After an admin has changed an e-mail, its owner logs in with the new one only."""
    account = new_account(anybody)
    new = Account(account.id, f"{unique('countess')}@example.org", account.password)
    expect(admin.patch(f"/users/{account.id}", json={"email": new.email}), 200)

    log_in(anybody, new)

    old = try_login(anybody, account.email, account.password)
    expect_problem(old, 401, "invalid_credentials")


def expect_the_same(answer: Answer, other: Answer) -> None:
    """Expect two answers to tell the same: status, body, and headers but for those of the day."""
    if (answer.status, answer.body) != (other.status, other.body):
        shown = f"{answer.status} {answer.body.decode()}"
        raise Mismatch(f"expected the same answer as before, which was\n{shown}", other)
    if difference := set(answer.headers) ^ set(other.headers):
        raise Mismatch(f"headers that only one of the two answers has: {difference}", other)
