"""Access tokens: what stands in them, what they open, and how one is shown (RFC 6750, RFC 9068)."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

from shared.contracts.kit import Answer, Api, Mismatch, check, expect, expect_problem
from shared.contracts.phase2.givens import expect_members, new_product

from .givens import (
    Customer,
    as_bearer,
    as_user,
    decoded,
    expect_unauthenticated,
    log_in,
    new_account,
    new_customer,
    new_order,
    tokens_in,
    try_login,
    try_refresh,
)
from .login import LONGEST_LIFE
from .routes import PUBLIC, for_admins, for_users, send
from .signup import USER

CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")
SKEW = 5
"""Seconds by which two clocks of one server, or of its answers' Date, may differ."""


@check(
    "P3-TOK-01",
    needs=("P3-LOG-01",),
    hint="A server signs several kinds of notes in its life, with several keys. Which is this?",
)
def test_an_access_token_is_a_jwt(anybody: Api) -> None:
    """An access token is a signed JWT whose header says alg, typ at+jwt, and by kid which key."""
    token = decoded(log_in(anybody, new_account(anybody)).access)

    header = token.header
    if str(header.get("typ")).lower().removeprefix("application/") != "at+jwt":
        raise Mismatch(f"typ: expected at+jwt, got {header.get('typ')!r}")
    if not isinstance(header.get("kid"), str) or not header["kid"]:
        raise Mismatch(f"kid: expected the name of a key, got {header.get('kid')!r}")
    assert str(header.get("alg")).lower() not in {"none", ""}, "it is not signed"
    assert len(token.signature) >= 43, "a signature has 256 bits or more"


@check(
    "P3-TOK-02",
    needs=("P3-TOK-01",),
    hint="A note without a name, an end or an addressee: who may use it, where, and until when?",
)
def test_an_access_token_says_whose_it_is(anybody: Api) -> None:
    """Its claims are iss, aud, sub (the user's id, as text), iat, nbf, exp and jti."""
    account = new_account(anybody)

    claims = decoded(log_in(anybody, account).access).claims

    if missing := [name for name in CLAIMS if not claims.get(name)]:
        raise Mismatch(f"claims: {missing} are missing, there are {sorted(claims)}")
    assert claims["sub"] == str(account.id), f"sub is {claims['sub']!r}, the user {account.id}"
    assert isinstance(claims["iss"], str), "iss is a text"
    assert isinstance(claims["jti"], str), "jti is a text"
    for name in ("iat", "nbf", "exp"):
        assert isinstance(claims[name], int | float), f"{name} is a number of seconds since 1970"


@check(
    "P3-TOK-03",
    needs=("P3-TOK-02",),
    hint="Seconds since 1970, in UTC. And what does a client believe, the token or expires_in?",
)
def test_an_access_token_is_good_for_a_quarter_of_an_hour(anybody: Api) -> None:
    """It is good from now on for 900 seconds at the most, and expires_in says the same."""
    account = new_account(anybody)

    answer = try_login(anybody, account.email, account.password)

    tokens = tokens_in(answer)
    claims = decoded(tokens.access).claims
    now = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    life = claims["exp"] - claims["iat"]
    assert 0 < life <= LONGEST_LIFE, f"from iat to exp it is {life} s"
    assert abs(life - tokens.lifetime) <= 1, f"exp says {life} s, expires_in {tokens.lifetime} s"
    assert abs(claims["iat"] - now) <= SKEW, f"iat is {claims['iat']}, and it is {now:.0f}"
    assert claims["nbf"] <= claims["iat"] + SKEW, "it is not good yet"


@check(
    "P3-TOK-04",
    needs=("P3-TOK-02",),
    hint="Base64 is no encryption. And what if it changes within the quarter of an hour?",
)
def test_an_access_token_says_no_more(anybody: Api) -> None:
    """It tells neither a role nor the user's name or e-mail."""
    account = new_account(anybody, name="Gudrun Rosenzweig")

    token = decoded(log_in(anybody, account).access)

    text = json.dumps([token.header, token.claims], ensure_ascii=False).lower()
    for told in ("role", "admin", "scope", "gudrun", "@example.org", "password"):
        assert told not in text, f"the token holds {told!r}: {text}"


@check(
    "P3-TOK-05",
    needs=("P3-LOG-01",),
    hint="The scheme of an Authorization header is a name like that of a header.",
)
def test_an_access_token_opens(anybody: Api) -> None:
    """GET /auth/me with Bearer and the token, in whatever case, answers whose it is."""
    account = new_account(anybody)
    token = log_in(anybody, account).access

    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = anybody.get("/auth/me", headers={"Authorization": f"{scheme} {token}"})
        expect(answer, 200, json={"id": account.id, "email": account.email, "role": "user"})
        expect_members(answer.json(), *USER)


@check(
    "P3-TOK-06",
    needs=("P3-TOK-05", "P3-ADM-01"),
    hint="On which routes is a guard put by hand, and on which was it forgotten?",
)
def test_without_an_identity_nothing_is_answered(anybody: Api, admin: Api) -> None:
    """Every route that is not for everybody answers 401 authentication_required to nobody."""
    customer, product, order = with_an_order(anybody, admin)

    for route in (*for_users(customer.id, product, order), *for_admins(customer.id, product)):
        expect_unauthenticated(send(anybody, route))

    expect(customer.api.get(f"/orders/{order}"), 200, json={"status": "placed"})
    expect(anybody.get(f"/products/{product}"), 200, json={"price": 250, "stock": 9})


@check(
    "P3-TOK-07",
    needs=("P3-ADM-01",),
    hint="A shop whose window can only be seen by members.",
)
def test_the_shop_window_is_for_everybody(anybody: Api, admin: Api) -> None:
    """Products, and how the shop is, are told to anybody."""
    product = new_product(admin)

    for path in PUBLIC:
        expect(anybody.get(path), 200)
    expect(anybody.get(f"/products/{product['id']}"), 200, json=product)


@check(
    "P3-TOK-08",
    needs=("P3-TOK-05", "P3-ADM-01"),
    hint="Is the bad token refused, or is its bearer taken for nobody and let in where nobody may?",
)
def test_a_bad_token_is_refused_on_every_route(anybody: Api, admin: Api) -> None:
    """Every route that is not for everybody answers 401 invalid_token to a token that is none."""
    customer, product, order = with_an_order(anybody, admin)
    mallory = as_bearer(anybody, "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.")

    for route in (*for_users(customer.id, product, order), *for_admins(customer.id, product)):
        expect_unauthenticated(send(mallory, route), "invalid_token")

    expect(customer.api.get(f"/orders/{order}"), 200, json={"status": "placed"})


@check(
    "P3-TOK-09",
    needs=("P3-TOK-05",),
    hint="A header is text from a stranger: where does yours end, and how many are there?",
)
def test_a_malformed_authorization_is_401(anybody: Api) -> None:
    """Whatever else stands in Authorization is 401: other schemes, rubbish, two tokens."""
    token = log_in(anybody, new_account(anybody)).access
    for given in (
        "Bearer",
        token,
        f"Basic {token}",
        f"Token {token}",
        f"Bearer {token} {token}",
        f"Bearer {token},{token}",
        f"Bearer Bearer {token}",
        f"Bearer: {token}",
        f'Bearer "{token}"',
        f"Bearer {token}.",
        f"Bearer {token}.{token}",
        "Bearer ..",
        "Bearer null",
        'Bearer {"alg":"none"}',
        f"Bearer {'A' * 5000}",
    ):
        answer = anybody.get("/auth/me", headers={"Authorization": given})
        expect_refused(answer, given)

    headers = f"Host: {anybody.host}\r\n" + f"Authorization: Bearer {token}\r\n" * 2
    (answer,) = anybody.raw(f"GET /auth/me HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode())
    expect_refused(answer, "two headers with a good token each")


@check(
    "P3-TOK-10",
    needs=("P3-TOK-05",),
    hint="What stands in an address is in the log of every machine on the way.",
)
def test_a_token_counts_in_its_header_only(anybody: Api) -> None:
    """A good access token in the query, in a cookie or in another header opens nothing."""
    token = log_in(anybody, new_account(anybody)).access

    by_query = anybody.get("/auth/me", params={"access_token": token})
    if by_query.status != 400:
        expect_unauthenticated(by_query)
    for name, value in (
        ("Cookie", f"access_token={token}; __Host-session={token}; token={token}"),
        ("X-Access-Token", token),
        ("Proxy-Authorization", f"Bearer {token}"),
    ):
        expect_problem(
            anybody.get("/auth/me", headers={name: value}), 401, "authentication_required"
        )


@check(
    "P3-TOK-11",
    needs=("P3-TOK-05", "P3-ADM-01"),
    hint="The signature is right, and it is not expired. Is there anybody whom it speaks of?",
)
def test_the_tokens_of_a_deleted_user_die(anybody: Api, admin: Api) -> None:
    """When a user is deleted, neither their access token nor their refresh token is any good."""
    account = new_account(anybody)
    tokens = log_in(anybody, account)
    expect(admin.delete(f"/users/{account.id}"), 204)

    expect_unauthenticated(as_user(anybody, tokens).get("/auth/me"), "invalid_token")
    answer = try_refresh(anybody, tokens.refresh)
    expect_unauthenticated(answer, "invalid_refresh_token")


def with_an_order(anybody: Api, admin: Api) -> tuple[Customer, int, int]:
    """Let somebody new order the first of ten pieces; returns them, the product and the order."""
    customer, product = new_customer(anybody), new_product(admin)["id"]
    return customer, product, new_order(customer.api, {product: 1})["id"]


def expect_refused(answer: Answer, given: str) -> None:
    """Expect 401 for a header, which the message shows."""
    if answer.status != 401:
        words = f"expected 401, got {answer.status} for Authorization: {given[:60]}"
        raise Mismatch(words, answer)
