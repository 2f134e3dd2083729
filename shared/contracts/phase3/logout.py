"""Logging out, here and everywhere, and changing the password: what ends, and what goes on."""

from __future__ import annotations

from shared.contracts.kit import Answer, Api, Mismatch, check, expect, expect_problem

from .givens import (
    Account,
    as_bearer,
    as_browser,
    as_user,
    expect_unauthenticated,
    log_in,
    log_in_by_cookie,
    new_account,
    new_password,
    refreshed,
    sent_from,
    try_login,
)
from .refresh import expect_dead

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@check(
    "P3-OUT-01",
    needs=("P3-RFR-01",),
    hint="The client throws its tokens away. And the thief?",
)
def test_logging_out_ends_both_tokens(anybody: Api) -> None:
    """POST /auth/logout answers 204; access and refresh token are good for nothing from then on."""
    tokens = log_in(anybody, new_account(anybody))
    user = as_user(anybody, tokens)

    expect(user.post("/auth/logout"), 204)

    expect_dead(anybody, tokens)
    expect_unauthenticated(user.post("/auth/logout"), "invalid_token")


@check(
    "P3-OUT-02",
    needs=("P3-OUT-01",),
    hint="The token that asks is the newest. Which others did this login hand out?",
)
def test_logging_out_ends_all_tokens_of_the_login(anybody: Api) -> None:
    """Logging out ends every token of the login, those from before a refresh and after it."""
    for turn in range(2):
        first = log_in(anybody, new_account(anybody))
        second = refreshed(anybody, first)

        expect(as_user(anybody, (first, second)[turn]).post("/auth/logout"), 204)

        expect_dead(anybody, first, second)


@check(
    "P3-OUT-03",
    needs=("P3-OUT-01", "P3-COO-02"),
    hint="Whose sessions are they, and which of them was asked to end?",
)
def test_logging_out_ends_no_other_session(anybody: Api) -> None:
    """The user's other sessions go on, by token and by cookie."""
    account = new_account(anybody)
    leaving, staying = log_in(anybody, account), log_in(anybody, account)
    browser = as_browser(anybody, log_in_by_cookie(anybody, account))

    expect(as_user(anybody, leaving).post("/auth/logout"), 204)

    expect(as_user(anybody, staying).get("/auth/me"), 200)
    expect(browser.get("/auth/me"), 200)
    refreshed(anybody, staying)


@check(
    "P3-OUT-04",
    needs=("P3-OUT-01",),
    hint="You remember what was taken back. By which of the ways in which it can be written?",
)
def test_a_token_taken_back_stays_so_in_any_spelling(anybody: Api) -> None:
    """After logging out, no other spelling of the access token is good again."""
    tokens = log_in(anybody, new_account(anybody))
    expect(as_user(anybody, tokens).post("/auth/logout"), 204)

    for spelling in other_spellings(tokens.access):
        me = as_bearer(anybody, spelling).get("/auth/me")
        if me.status != 401:
            raise Mismatch(f"expected 401, got {me.status} for …{spelling[-12:]!r}", me)


@check(
    "P3-OUT-05",
    needs=("P3-OUT-01", "P3-COO-02"),
    hint="The phone is gone, and what it was logged in with nobody remembers. Which rows are that?",
)
def test_logging_out_everywhere_ends_all_sessions(anybody: Api) -> None:
    """POST /auth/logout-everywhere answers 204 and ends each session; others' go on."""
    account, other = new_account(anybody), log_in(anybody, new_account(anybody))
    asking, away = log_in(anybody, account), log_in(anybody, account)
    away_refreshed = refreshed(anybody, away)
    browser = as_browser(anybody, log_in_by_cookie(anybody, account))

    expect(as_user(anybody, asking).post("/auth/logout-everywhere"), 204)

    expect_dead(anybody, asking, away, away_refreshed)
    expect_unauthenticated(browser.get("/auth/me"))
    expect(as_user(anybody, other).get("/auth/me"), 200)
    expect(as_user(anybody, log_in(anybody, account)).get("/auth/me"), 200)


@check(
    "P3-OUT-06",
    needs=("P3-OUT-05", "P3-ADM-01"),
    hint="Somebody calls: my account has been taken over. What can an admin do at once?",
)
def test_an_admin_ends_the_sessions_of_a_user(anybody: Api, admin: Api) -> None:
    """DELETE /users/{id}/sessions answers 204 and ends all of that user's, and nobody else's."""
    account, other = new_account(anybody), log_in(anybody, new_account(anybody))
    tokens = log_in(anybody, account)
    browser = as_browser(anybody, log_in_by_cookie(anybody, account))

    expect(admin.delete(f"/users/{account.id}/sessions"), 204)

    expect_dead(anybody, tokens)
    expect_unauthenticated(browser.get("/auth/me"))
    expect(as_user(anybody, other).get("/auth/me"), 200)
    expect(admin.get("/auth/me"), 200)
    log_in(anybody, account)


@check(
    "P3-OUT-07",
    needs=("P3-TOK-05",),
    hint="What was the old password good for, and what is it good for now?",
)
def test_a_password_can_be_changed(anybody: Api) -> None:
    """POST /auth/password answers 204: the new password opens, the old one doesn't."""
    account = new_account(anybody)
    new = Account(account.id, account.email, new_password())

    answer = try_change(as_user(anybody, log_in(anybody, account)), account.password, new.password)

    expect(answer, 204)
    log_in(anybody, new)
    old = try_login(anybody, account.email, account.password)
    expect_problem(old, 401, "invalid_credentials")


@check(
    "P3-OUT-08",
    needs=("P3-OUT-07", "P3-COO-02", "P3-RFR-01"),
    hint="Why do people change a password? And who is logged in by then?",
)
def test_changing_the_password_ends_all_other_sessions(anybody: Api) -> None:
    """A new password ends the user's other sessions, by token and by cookie; its own stays."""
    account = new_account(anybody)
    asking, away = log_in(anybody, account), log_in(anybody, account)
    browser = as_browser(anybody, log_in_by_cookie(anybody, account))

    expect(try_change(as_user(anybody, asking), account.password, new_password()), 204)

    expect_dead(anybody, away)
    expect_unauthenticated(browser.get("/auth/me"))
    expect(as_user(anybody, asking).get("/auth/me"), 200)
    expect(as_user(anybody, refreshed(anybody, asking)).get("/auth/me"), 200)


@check(
    "P3-OUT-09",
    needs=("P3-OUT-07", "P3-COO-04"),
    hint="It is the browser that asks. Which of the sessions is that?",
)
def test_a_browser_changes_the_password(anybody: Api) -> None:
    """A password changed by cookie: that session stays, those with tokens end."""
    account = new_account(anybody)
    away = log_in(anybody, account)
    browser = as_browser(anybody, log_in_by_cookie(anybody, account))

    expect(try_change(browser, account.password, new_password()), 204)

    expect_dead(anybody, away)
    expect(browser.get("/auth/me"), 200)


@check(
    "P3-OUT-10",
    needs=("P3-OUT-07",),
    hint="Somebody has left a machine unlocked. What does who sits down at it not know?",
)
def test_changing_a_password_takes_the_password(anybody: Api) -> None:
    """A wrong current password is 403 wrong_password; nothing changes, and no session ends."""
    account = new_account(anybody)
    asking, away = log_in(anybody, account), log_in(anybody, account)

    answer = try_change(as_user(anybody, asking), new_password(), new_password())

    expect_problem(answer, 403, "wrong_password")
    for tokens in (asking, away):
        expect(as_user(anybody, tokens).get("/auth/me"), 200)
    log_in(anybody, account)


@check(
    "P3-OUT-11",
    needs=("P3-OUT-07",),
    hint="There are two ways to a password. Are both guarded?",
)
def test_a_new_password_is_held_to_the_rules(anybody: Api) -> None:
    """A new password that is too short, common, or one's e-mail is 422 and named; the old stays."""
    account = new_account(anybody)
    user = as_user(anybody, log_in(anybody, account))

    for weak in ("short77", "password", "Iloveyou", account.email):
        answer = try_change(user, account.password, weak)
        expect_problem(answer, 422, "invalid_payload", fields=["new_password"])

    log_in(anybody, account)


def try_change(api: Api, current: str, new: str, address: str | None = None) -> Answer:
    """Ask for another password."""
    fields = {"current_password": current, "new_password": new}
    return api.post("/auth/password", json=fields, headers=sent_from(address))


def other_spellings(token: str) -> list[str]:
    """Write a token in other ways that careless decoders take for the same bytes.

    The last letter of a signature stands for six bits, of which the lowest may belong to no byte.
    """
    last = BASE64URL.index(token[-1])
    return [
        *(token[:-1] + BASE64URL[(last & ~15) | low] for low in range(16)),
        f"{token}=",
        f"{token}==",
        f"{token}.",
        token.replace("-", "+").replace("_", "/"),
    ]
