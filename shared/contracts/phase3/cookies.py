"""Sessions with a cookie: what a browser is given, and what it opens until it ends."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from shared.contracts.kit import Api, check, expect, expect_problem, unique
from shared.contracts.phase2.givens import expect_members, expect_time, new_product

from .access_tokens import SKEW
from .givens import (
    SESSION,
    as_bearer,
    as_browser,
    as_user,
    cookie_in,
    expect_unauthenticated,
    log_in,
    log_in_by_cookie,
    new_account,
    new_order,
    new_password,
    new_visitor,
    session_in,
    try_refresh,
    try_session,
)
from .login import SHORTEST_SECRET, expect_the_same


@check(
    "P3-COO-01",
    needs=("P3-SGN-01",),
    hint="Who can get at a cookie: a script in the page, somebody on the line, a neighbouring "
    "host, a form on another site?",
)
def test_a_browser_is_given_a_cookie(anybody: Api) -> None:
    """POST /auth/session answers 200 and a cookie: __Host-, HttpOnly, Secure, SameSite, Path=/."""
    account = new_account(anybody)

    answer = expect(try_session(anybody, account.email, account.password), 200)

    cookie = session_in(answer).cookie
    told = cookie.attributes
    for name in ("httponly", "secure"):
        assert name in told, f"the cookie is not {name}: it has {told}"
    assert told.get("samesite", "").lower() in {"lax", "strict"}, f"it has {told}"
    assert told.get("path") == "/", f"a __Host- cookie has Path=/, this one {told}"
    assert "domain" not in told, "a __Host- cookie has no Domain"
    assert int(told["max-age"]) > 0, "it has expired already"
    assert len(cookie.value) >= SHORTEST_SECRET, "the cookie can be guessed"
    assert "no-store" in answer.headers["Cache-Control"], "the answer may be kept on the way"


@check(
    "P3-COO-02",
    needs=("P3-COO-01", "P3-ADM-01"),
    hint="Two ways to be known. To how many places in your code does that matter?",
)
def test_a_cookie_opens_what_a_token_opens(anybody: Api, admin: Api) -> None:
    """With its cookie a browser is the user: GET /auth/me, orders, and no more than a user's."""
    visitor, product = new_visitor(anybody), new_product(admin)["id"]
    order = new_order(visitor.api, {product: 1})

    expect(visitor.api.get("/auth/me"), 200, json={"id": visitor.id, "role": "user"})
    expect(visitor.api.get(f"/orders/{order['id']}"), 200, json={"user_id": visitor.id})
    expect_problem(visitor.api.get("/users"), 403, "forbidden")
    value = cookie_of(visitor.api)
    for name in ("session", "__Secure-session", "__host-session"):
        expect_unauthenticated(anybody.get("/auth/me", headers={"Cookie": f"{name}={value}"}))
    other = {"Cookie": f"theme=dark; {SESSION}={value}; lang=en"}
    expect(anybody.get("/auth/me", headers=other), 200, json={"id": visitor.id})


@check(
    "P3-COO-03",
    needs=("P3-COO-01",),
    hint="A page is loaded anew. Where does it have the CSRF token from?",
)
def test_a_page_is_told_of_its_session(anybody: Api) -> None:
    """GET /auth/session with the cookie answers what the login did: user_id, csrf_token, expiry."""
    account = new_account(anybody)
    begun = expect(try_session(anybody, account.email, account.password), 200)
    session = session_in(begun)

    told = expect(as_browser(anybody, session).get("/auth/session"), 200)

    expect_members(begun.json(), "user_id", "csrf_token", "expires_at")
    assert told.json() == begun.json(), "the page is told something else"
    assert "no-store" in told.headers["Cache-Control"], "the answer may be kept on the way"
    assert begun.json()["user_id"] == account.id
    assert begun.json()["csrf_token"] != session.cookie.value, "what no script may read is told"
    expect_time(begun.json()["expires_at"])
    ends = datetime.fromisoformat(begun.json()["expires_at"])
    life = (ends - parsedate_to_datetime(begun.headers["Date"])).total_seconds()
    max_age = int(session.cookie.attributes["max-age"])
    assert abs(life - max_age) <= SKEW, f"the session lasts {life:.0f} s, the cookie {max_age} s"
    by_token = as_user(anybody, log_in(anybody, account)).get("/auth/session")
    expect_problem(by_token, 404, "no_cookie_session")


@check(
    "P3-COO-09",
    needs=("P3-COO-01", "P3-LOG-01"),
    hint="Two doors, one lock. Do both say the same when it doesn't open?",
)
def test_a_failed_login_by_cookie_tells_nothing(anybody: Api) -> None:
    """Wrong password or unknown e-mail: the same 401 invalid_credentials, and no cookie."""
    account = new_account(anybody)

    wrong = try_session(anybody, account.email, new_password())
    unknown = try_session(anybody, f"{unique('nobody')}@example.org", new_password())

    expect_unauthenticated(wrong, "invalid_credentials")
    expect_the_same(wrong, unknown)
    expect(wrong, 401, headers={"Set-Cookie": None})


@check(
    "P3-COO-10",
    needs=("P3-COO-02",),
    hint="Somebody has put a cookie into the victim's browser, and waits for it to be worth "
    "something.",
)
def test_a_login_makes_a_cookie_of_its_own(anybody: Api) -> None:
    """A cookie that was there before the login is good for nothing after it, made up or real."""
    account, planted = new_account(anybody), "p" * 43
    earlier = log_in_by_cookie(anybody, new_account(anybody))
    for value in (planted, earlier.cookie.value):
        headers = {"Cookie": f"{SESSION}={value}"}
        answer = try_session(anybody, account.email, account.password, headers=headers)

        session = session_in(answer)

        assert session.cookie.value != value, "the cookie that came along was kept"
        expect_unauthenticated(anybody.get("/auth/me", headers=headers))
        expect(as_browser(anybody, session).get("/auth/me"), 200, json={"id": account.id})


@check(
    "P3-COO-11",
    needs=("P3-COO-04",),
    hint="A browser told to forget a cookie is one thing. Somebody who has copied it is another.",
)
def test_logging_out_ends_the_cookie(anybody: Api) -> None:
    """POST /auth/logout by cookie answers 204, has the browser forget it, and ends the session."""
    account = new_account(anybody)
    session, staying = log_in_by_cookie(anybody, account), log_in_by_cookie(anybody, account)
    browser = as_browser(anybody, session)

    answer = expect(browser.post("/auth/logout"), 204)

    told = cookie_in(answer, SESSION)
    assert told.value != session.cookie.value, "the browser is told the cookie again"
    assert told.attributes.get("max-age") == "0" or "expires" in told.attributes, "it is kept"
    assert told.attributes.get("path") == "/", "without Path=/ it is another cookie"
    assert "secure" in told.attributes, "a browser takes no __Host- cookie that is not Secure"
    expect_unauthenticated(browser.get("/auth/me"))
    expect_unauthenticated(browser.post("/auth/logout"))
    expect(as_browser(anybody, staying).get("/auth/me"), 200)


@check(
    "P3-COO-12",
    needs=("P3-COO-11",),
    hint="All sessions are rows of one table. Or are they?",
)
def test_a_browser_logs_out_everywhere(anybody: Api) -> None:
    """POST /auth/logout-everywhere by cookie ends all sessions, by token and by cookie."""
    account = new_account(anybody)
    browser, other = (as_browser(anybody, log_in_by_cookie(anybody, account)) for _ in range(2))
    tokens = log_in(anybody, account)

    answer = expect(browser.post("/auth/logout-everywhere"), 204)

    cookie_in(answer, SESSION)
    for ended in (browser, other):
        expect_unauthenticated(ended.get("/auth/me"))
    expect_unauthenticated(as_user(anybody, tokens).get("/auth/me"), "invalid_token")
    expect_unauthenticated(try_refresh(anybody, tokens.refresh), "invalid_refresh_token")


@check(
    "P3-COO-13",
    needs=("P3-COO-02", "P3-TOK-08"),
    hint="Two identities in one request. Which one was sent on purpose?",
)
def test_a_token_goes_before_a_cookie(anybody: Api) -> None:
    """With both, the token decides: it needs no CSRF token, and a bad one is 401."""
    visitor, account = new_visitor(anybody), new_account(anybody)
    cookie = {"Cookie": f"{SESSION}={cookie_of(visitor.api)}"}
    both = as_user(anybody, log_in(anybody, account)).with_headers(cookie)

    expect(both.get("/auth/me"), 200, json={"id": account.id})
    expect(both.patch(f"/users/{account.id}", json={"name": "X"}), 200, json={"name": "X"})
    bad = as_bearer(anybody, "x.y.z").with_headers(cookie)
    expect_unauthenticated(bad.get("/auth/me"), "invalid_token")


@check(
    "P3-COO-14",
    needs=("P3-COO-02",),
    hint="A cookie, an access token, a refresh token: three words for three places.",
)
def test_a_cookie_is_no_token(anybody: Api) -> None:
    """A session's cookie is neither an access token nor a refresh token, nor are they cookies."""
    account = new_account(anybody)
    value, tokens = log_in_by_cookie(anybody, account).cookie.value, log_in(anybody, account)

    expect_unauthenticated(as_bearer(anybody, value).get("/auth/me"), "invalid_token")
    expect_unauthenticated(try_refresh(anybody, value), "invalid_refresh_token")
    for token in (tokens.access, tokens.refresh):
        answer = anybody.get("/auth/me", headers={"Cookie": f"{SESSION}={token}"})
        expect_unauthenticated(answer)


def cookie_of(browser: Api) -> str:
    """Read the value of the cookie that a client sends."""
    return browser.headers["Cookie"].partition("=")[2]
