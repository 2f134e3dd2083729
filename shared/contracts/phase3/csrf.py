"""Requests that another site makes a browser send: the cookie comes along, the wish does not."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem
from shared.contracts.phase2.givens import new_product, stock_of

from .givens import (
    as_browser,
    log_in_by_cookie,
    new_account,
    new_order,
    new_password,
    new_visitor,
    try_order,
    try_session,
)
from .logout import try_change

ELSEWHERE = "https://shop.example.net"
"""A site that is not this one, whatever it calls itself."""


@check(
    "P3-COO-04",
    needs=("P3-COO-02",),
    hint="A browser sends the cookie along whoever made it ask. What can only your own page know?",
)
def test_what_changes_something_needs_the_csrf_token(anybody: Api, admin: Api) -> None:
    """POST and PATCH by cookie without X-CSRF-Token are 403 csrf_token_missing; nothing happens."""
    account = new_account(anybody)
    session = log_in_by_cookie(anybody, account)
    forged, ours = as_browser(anybody, session, csrf_token=False), as_browser(anybody, session)
    product = new_product(admin)["id"]
    order = new_order(ours, {product: 1})["id"]

    for answer in (
        try_order(forged, {product: 1}),
        forged.post(f"/orders/{order}/cancel"),
        forged.patch(f"/users/{account.id}", json={"name": "Eve"}),
        try_change(forged, account.password, new_password()),
        forged.post("/auth/logout"),
        forged.post("/auth/logout-everywhere"),
    ):
        expect_problem(answer, 403, "csrf_token_missing")

    assert stock_of(anybody, product) == 9
    expect(forged.get(f"/orders/{order}"), 200, json={"status": "placed"})
    expect(ours.get("/auth/me"), 200, json={"name": "Ada Lovelace"})
    expect(ours.patch(f"/users/{account.id}", json={"name": "X"}), 200, json={"name": "X"})
    expect(ours.post(f"/orders/{order}/cancel"), 200, json={"status": "cancelled"})


@check(
    "P3-COO-05",
    needs=("P3-COO-04",),
    hint="An attacker has an account here as well, and so a token. Whose is the one you compare?",
)
def test_a_csrf_token_is_of_one_session(anybody: Api) -> None:
    """A CSRF token that is made up, or of another session, is 403 invalid_csrf_token."""
    account = new_account(anybody)
    session, other = log_in_by_cookie(anybody, account), log_in_by_cookie(anybody, account)
    assert session.csrf_token != other.csrf_token, "two sessions have one CSRF token"

    for given in (other.csrf_token, "x", session.cookie.value, session.csrf_token[:-1]):
        browser = as_browser(anybody, session).with_headers({"X-CSRF-Token": given})
        answer = browser.patch(f"/users/{account.id}", json={"name": "Eve"})
        expect_problem(answer, 403, "invalid_csrf_token")

    expect(as_browser(anybody, session).get("/auth/me"), 200, json={"name": "Ada Lovelace"})


@check(
    "P3-COO-06",
    needs=("P3-COO-04",),
    hint="Browsers say which page has made them ask. Do you listen?",
)
def test_other_sites_are_refused(anybody: Api) -> None:
    """A change by cookie that a browser says is another site's: 403 cross_site_request."""
    visitor = new_visitor(anybody)
    path = f"/users/{visitor.id}"
    for headers in (
        {"Origin": ELSEWHERE},
        {"Origin": "null"},
        {"Origin": f"{anybody.base_url}.example.net"},
        {"Origin": anybody.base_url.replace("http", "https", 1)},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": anybody.base_url, "Sec-Fetch-Site": "cross-site"},
    ):
        answer = visitor.api.patch(path, json={"name": "Eve"}, headers=headers)
        expect_problem(answer, 403, "cross_site_request")

    expect(visitor.api.get("/auth/me"), 200, json={"name": "Ada Lovelace"})


@check(
    "P3-COO-07",
    needs=("P3-COO-06",),
    hint="By which address does the browser know you? That has to be told to a server that "
    "listens somewhere else (PUBLIC_URL).",
)
def test_our_own_pages_are_served(anybody: Api) -> None:
    """A change by cookie from a page of ours is done; no page of others may read an answer."""
    visitor = new_visitor(anybody)
    for number, headers in enumerate(
        (
            {"Origin": anybody.base_url, "Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": anybody.base_url},
        )
    ):
        changes = {"name": f"Ada the {number}."}
        answer = visitor.api.patch(f"/users/{visitor.id}", json=changes, headers=headers)
        expect(answer, 200, json=changes)

    read = visitor.api.get("/auth/session", headers={"Origin": ELSEWHERE})

    allowed = {"Access-Control-Allow-Origin": None, "Access-Control-Allow-Credentials": None}
    expect(read, 200, headers=allowed)


@check(
    "P3-COO-08",
    needs=("P3-COO-06",),
    hint="An attacker logs the victim in, to his own account. What does she then type into it?",
)
def test_another_site_cannot_log_anybody_in(anybody: Api) -> None:
    """POST /auth/session from another site is 403 cross_site_request, and sets no cookie."""
    account = new_account(anybody)

    for headers in ({"Origin": ELSEWHERE}, {"Sec-Fetch-Site": "cross-site"}):
        answer = try_session(anybody, account.email, account.password, headers=headers)
        expect_problem(answer, 403, "cross_site_request")
        expect(answer, 403, headers={"Set-Cookie": None})
