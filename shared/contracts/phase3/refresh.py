"""Refresh tokens: exchanged once, given again if the answer was lost, ended if two have had one."""

from __future__ import annotations

from shared.contracts.kit import Api, Mismatch, check, expect
from shared.contracts.phase2.givens import expect_members

from .givens import (
    Tokens,
    as_user,
    decoded,
    expect_unauthenticated,
    log_in,
    new_account,
    refreshed,
    tokens_in,
    try_refresh,
)
from .login import LONGEST_LIFE, SHORTEST_SECRET


@check(
    "P3-RFR-01",
    needs=("P3-TOK-05",),
    hint="The client has forgotten the password, and the access token is about to end. What now?",
)
def test_a_refresh_token_gets_a_new_pair(anybody: Api) -> None:
    """POST /auth/refresh answers 200 in the shape of a login: new tokens, and no-store."""
    account = new_account(anybody)
    first = log_in(anybody, account)

    answer = expect(try_refresh(anybody, first.refresh), 200)

    expect_members(answer.json(), "access_token", "token_type", "expires_in", "refresh_token")
    assert "no-store" in answer.headers["Cache-Control"], "the tokens may be kept on the way"
    second = tokens_in(answer)
    assert second.refresh != first.refresh, "the refresh token is the same as before"
    assert 0 < second.lifetime <= LONGEST_LIFE, f"expires_in is {second.lifetime}"
    claims, earlier = decoded(second.access).claims, decoded(first.access).claims
    assert claims["sub"] == earlier["sub"] == str(account.id), "it is another's token"
    assert claims["jti"] != earlier["jti"], "two access tokens go by one name"
    expect(as_user(anybody, second).get("/auth/me"), 200, json={"id": account.id})


@check(
    "P3-RFR-02",
    needs=("P3-RFR-01",),
    hint="Whoever reads it, on the wire or in your logs: what should it tell them?",
)
def test_a_refresh_token_is_opaque(anybody: Api) -> None:
    """A refresh token is a random word, no JWT, and no two are the same."""
    tokens = log_in(anybody, new_account(anybody))
    seen = {tokens.refresh}
    for _ in range(3):
        tokens = refreshed(anybody, tokens)
        seen.add(tokens.refresh)

    assert len(seen) == 4, "a refresh token was given twice"
    for token in seen:
        assert token.count(".") != 2, "it is a JWT"
        assert len(token) >= SHORTEST_SECRET, "it can be guessed"


@check(
    "P3-RFR-03",
    needs=("P3-RFR-01",),
    hint="The client asked, you answered, and the network failed in between. Is that a thief?",
)
def test_a_lost_answer_is_given_again(anybody: Api) -> None:
    """The same refresh token again, at once: the very same successor, which goes on from there."""
    first = log_in(anybody, new_account(anybody))
    lost = refreshed(anybody, first)

    again = refreshed(anybody, first)

    assert again.refresh == lost.refresh, "one token has two successors"
    for tokens in (lost, again, refreshed(anybody, again)):
        expect(as_user(anybody, tokens).get("/auth/me"), 200)


@check(
    "P3-RFR-04",
    needs=("P3-RFR-03",),
    hint="Two have had this token. Which of them is the thief, and does it matter to the family?",
)
def test_a_used_token_ends_its_family(anybody: Api) -> None:
    """A token shown again after its successor was used is 401, and so is the whole family."""
    first = log_in(anybody, new_account(anybody))
    second = refreshed(anybody, first)
    third = refreshed(anybody, second)

    expect_unauthenticated(try_refresh(anybody, first.refresh), "invalid_refresh_token")

    expect_dead(anybody, first, second, third)


@check(
    "P3-RFR-05",
    needs=("P3-RFR-04",),
    hint="Which sessions did the thief have a token of?",
)
def test_other_families_live_on(anybody: Api) -> None:
    """When a family ends, another login of the same user, and other users, go on."""
    account = new_account(anybody)
    others = [log_in(anybody, account), log_in(anybody, new_account(anybody))]
    first = log_in(anybody, account)
    refreshed(anybody, refreshed(anybody, first))

    expect_unauthenticated(try_refresh(anybody, first.refresh), "invalid_refresh_token")

    for tokens in others:
        expect(as_user(anybody, tokens).get("/auth/me"), 200)
        refreshed(anybody, tokens)


@check(
    "P3-RFR-06",
    needs=("P3-RFR-04",),
    hint="Which of unknown, used and ended would be news to somebody who is guessing?",
)
def test_every_bad_refresh_token_is_answered_alike(anybody: Api) -> None:
    """A token that was never given, was changed, or has ended: the same 401."""
    first = log_in(anybody, new_account(anybody))
    third = refreshed(anybody, refreshed(anybody, first))
    changed = first.refresh[::-1]

    bodies = {
        expect_unauthenticated(try_refresh(anybody, token), "invalid_refresh_token").body
        for token in ("x", "x" * 43, changed, "' OR ''='", "null", first.refresh, third.refresh)
    }

    assert len(bodies) == 1, f"they are told apart: {bodies}"


@check(
    "P3-RFR-07",
    needs=("P3-RFR-01",),
    hint="Two keys to two doors. Does each open the other's?",
)
def test_either_token_is_for_its_own_door(anybody: Api) -> None:
    """A refresh token is no access token, and an access token no refresh token."""
    tokens = log_in(anybody, new_account(anybody))

    swapped = Tokens(tokens.refresh, tokens.access, 0)

    expect_unauthenticated(as_user(anybody, swapped).get("/auth/me"), "invalid_token")
    answer = try_refresh(anybody, swapped.refresh)
    if answer.status != 422:  # it may be too long for one
        expect_unauthenticated(answer, "invalid_refresh_token")
    refreshed(anybody, tokens)


@check(
    "P3-RFR-08",
    needs=("P3-RFR-01",),
    hint="When does a client refresh, and what does it still send along with each request?",
)
def test_refreshing_needs_no_access_token(anybody: Api) -> None:
    """POST /auth/refresh works with an access token beside it that is good no more, or is none."""
    tokens = log_in(anybody, new_account(anybody))
    stale = {"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0."}

    answer = anybody.post("/auth/refresh", json={"refresh_token": tokens.refresh}, headers=stale)

    expect(as_user(anybody, tokens_in(answer)).get("/auth/me"), 200)


def expect_dead(api: Api, *all_of_them: Tokens) -> None:
    """Expect that none of these tokens opens anything."""
    for place, tokens in enumerate(all_of_them, 1):
        me = as_user(api, tokens).get("/auth/me")
        if me.status != 401:
            words = f"access token {place} of {len(all_of_them)} lives: expected 401"
            raise Mismatch(f"{words}, got {me.status}", me)
        expect_unauthenticated(me, "invalid_token")
        answer = try_refresh(api, tokens.refresh)
        if answer.status != 401:
            words = f"refresh token {place} of {len(all_of_them)} lives: expected 401"
            raise Mismatch(f"{words}, got {answer.status}", answer)
        expect_unauthenticated(answer, "invalid_refresh_token")
