"""Sessions with a cookie: kept from scripts and other sites, rotated, and over when over."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shared.race import together
from shared.witness import eventually, waiting_for_locks

from .movable_clock import A_MOMENT, MODULE
from .people import (
    COOKIE,
    UNLIMITED,
    Browser,
    Person,
    ask_cookie,
    ask_tokens,
    browser_of,
    cookie_of,
    first_admin,
    is_known,
    log_in,
    new_password,
    new_person,
    open_browser,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx
    import psycopg

    from shared.fixtures import Serve
    from shared.servers import Server

    from .movable_clock import MovableClock

HERE = "https://shop.example"
IDLE, LIFETIME, MINUTE = timedelta(minutes=30), timedelta(hours=12), timedelta(minutes=1)
CROSS_SITE = (403, "cross_site_request")
FORGED = (403, "invalid_csrf_token")


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, clock_file: Path) -> Server:
    """Serve by a clock that is ours to move."""
    env = {"DATABASE_URL": database_url, "CLOCK": str(clock_file), "PUBLIC_URL": HERE}
    return serve(MODULE, env={**UNLIMITED, **env})


@pytest.fixture
def ada(stranger: httpx.Client) -> Person:
    """Sign somebody up."""
    return new_person(stranger)


@pytest.fixture
def browser(stranger: httpx.Client, ada: Person) -> Browser:
    """Log her in."""
    return open_browser(stranger, ada)


def attributes(answer: httpx.Response) -> set[str]:
    """List what an answer says of the one cookie that it sets."""
    (header,) = answer.headers.get_list("set-cookie")
    return {part.strip() for part in header.split(";")[1:]}


# ---------------------------------------------------------------- handed out


def test_no_script_reads_the_cookie_no_other_host_sets_it_and_it_stays_on_tls(
    stranger: httpx.Client, ada: Person
) -> None:
    answer = ask_cookie(stranger, ada)

    assert len(cookie_of(answer)) == 43
    assert attributes(answer) == {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=43200"}


def test_a_page_is_told_whose_session_it_is_until_when_and_its_csrf_token(
    stranger: httpx.Client, ada: Person, clock: MovableClock
) -> None:
    answer = ask_cookie(stranger, ada)

    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert list(told) == ["user_id", "csrf_token", "expires_at"]
    assert (told["user_id"], len(told["csrf_token"])) == (ada.id, 43)
    assert datetime.fromisoformat(told["expires_at"]) == clock() + LIFETIME
    assert cookie_of(answer) not in answer.text


def test_a_page_that_is_loaded_anew_is_told_the_same_again(
    stranger: httpx.Client, ada: Person, clock: MovableClock
) -> None:
    first = ask_cookie(stranger, ada)
    clock.let_pass(MINUTE)

    again = stranger.get("/auth/session", headers=browser_of(first).shown)

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["cache-control"] == "no-store"
    assert "set-cookie" not in again.headers


def test_who_comes_with_a_token_has_no_cookie_session_to_be_told_about(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    tokens = log_in(stranger, ada)

    by_token = stranger.get("/auth/session", headers=tokens.headers)
    by_both = stranger.get("/auth/session", headers={**tokens.headers, **browser.shown})
    by_nothing = stranger.get("/auth/session")

    assert refusal(by_token) == refusal(by_both) == (404, "no_cookie_session")
    assert refusal(by_nothing) == (401, "authentication_required")


# ---------------------------------------------------------------- rotated


def test_a_login_ends_the_session_whose_cookie_comes_along(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    elsewhere = open_browser(stranger, ada)

    after = browser_of(ask_cookie(stranger, ada, browser.shown))

    assert after.cookie != browser.cookie
    assert after.csrf != browser.csrf
    known = [is_known(stranger, each) for each in (browser, after, elsewhere)]
    assert known == [False, True, True]


def test_a_login_ends_the_session_of_whoever_sat_here_before(
    stranger: httpx.Client, browser: Browser
) -> None:
    bob = new_person(stranger)

    after = browser_of(ask_cookie(stranger, bob, browser.shown))

    assert not is_known(stranger, browser)
    assert stranger.get("/auth/me", headers=after.shown).json()["id"] == bob.id


@pytest.mark.parametrize("planted", ["x" * 43, "", "é", '"', "; " + COOKIE + "=y"])
def test_a_cookie_that_somebody_has_planted_is_worth_nothing_after_the_login(
    planted: str, stranger: httpx.Client, ada: Person
) -> None:
    cookie = {b"Cookie": f"{COOKIE}={planted}".encode("latin-1")}

    answer = stranger.post(
        "/auth/session", json={"email": ada.email, "password": ada.password}, headers=cookie
    )

    assert len(cookie_of(answer)) == 43
    assert is_known(stranger, browser_of(answer))
    assert stranger.get("/auth/me", headers=cookie).status_code == 401


def test_a_login_that_fails_ends_nothing(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    wrong = Person(ada.id, ada.email, new_password())

    answer = ask_cookie(stranger, wrong, browser.shown)

    assert refusal(answer) == (401, "invalid_credentials")
    assert "set-cookie" not in answer.headers
    assert is_known(stranger, browser)


def test_ten_logins_at_once_that_bring_the_same_cookie_all_get_their_own(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    answers = together(10, lambda _: browser_of(ask_cookie(stranger, ada, browser.shown)))

    after = [each for each in answers if isinstance(each, Browser)]
    assert len({each.cookie for each in after}) == 10
    assert all(is_known(stranger, each) for each in after)
    assert not is_known(stranger, browser)


# ---------------------------------------------------------------- as time goes by


def test_a_session_that_nobody_uses_ends_after_half_an_hour(
    stranger: httpx.Client, ada: Person, clock: MovableClock
) -> None:
    used, unused = open_browser(stranger, ada), open_browser(stranger, ada)

    clock.let_pass(IDLE - A_MOMENT)
    before = is_known(stranger, used)
    clock.let_pass(A_MOMENT)

    assert before
    assert is_known(stranger, used)
    answer = stranger.get("/auth/me", headers=unused.shown)
    assert refusal(answer) == (401, "authentication_required")
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop"'


def test_a_session_ends_after_twelve_hours_however_busy_it_is(
    stranger: httpx.Client, browser: Browser, clock: MovableClock
) -> None:
    ends = clock() + LIFETIME
    while ends - clock() > IDLE:
        clock.let_pass(IDLE - A_MOMENT)
        assert is_known(stranger, browser)

    clock.set(ends - A_MOMENT)
    before = is_known(stranger, browser)
    clock.set(ends)

    assert before
    assert not is_known(stranger, browser)


def test_a_password_is_as_good_after_years(
    stranger: httpx.Client, ada: Person, clock: MovableClock
) -> None:
    clock.let_pass(5 * timedelta(days=365))

    assert ask_tokens(stranger, ada).status_code == 200
    assert ask_cookie(stranger, ada).status_code == 200


def test_that_a_session_is_used_is_written_down_once_a_minute_at_most(
    stranger: httpx.Client, browser: Browser, clock: MovableClock, conn: psycopg.Connection[Any]
) -> None:
    opened, seen = clock(), [last_use(conn, browser)]

    for time in (MINUTE - A_MOMENT, A_MOMENT, MINUTE - A_MOMENT, A_MOMENT):
        clock.let_pass(time)
        assert is_known(stranger, browser)
        seen.append(last_use(conn, browser))

    first, second = opened + MINUTE, opened + MINUTE * 2
    assert seen == [opened, opened, first, first, second]


COUNT_WRITES = """
    CREATE SEQUENCE IF NOT EXISTS writes MINVALUE 0;

    CREATE OR REPLACE FUNCTION count_writes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM nextval('writes');
        RETURN NULL;
    END;
    $$;

    CREATE OR REPLACE TRIGGER count_writes AFTER UPDATE ON sessions
        FOR EACH ROW EXECUTE FUNCTION count_writes();

    SELECT setval('writes', 0);
    """


def test_of_many_requests_at_once_one_writes(
    stranger: httpx.Client, browser: Browser, clock: MovableClock, conn: psycopg.Connection[Any]
) -> None:
    """All of them have seen that a minute is over before the first of them can write that down."""
    conn.execute(COUNT_WRITES)
    clock.let_pass(MINUTE)

    with ThreadPoolExecutor() as threads:
        with conn.transaction():
            conn.execute("SELECT FROM sessions FOR UPDATE")
            sent = [threads.submit(is_known, stranger, browser) for _ in range(5)]
            eventually(lambda: waiting_for_locks(conn) == 5)
        known = [each.result() for each in sent]

    assert known == [True] * 5
    assert conn.execute("SELECT last_value FROM writes").fetchall() == [(1,)]
    assert last_use(conn, browser) == clock()


def last_use(conn: psycopg.Connection[Any], browser: Browser) -> datetime:
    """Look up when a session was last used, as far as was written down."""
    query = "SELECT last_used_at FROM sessions WHERE cookie_hash = sha256(%s)"
    rows = conn.execute(query, [browser.cookie.encode()]).fetchall()
    return rows[0][0]


# ---------------------------------------------------------------- ended


def test_a_logout_ends_the_session_on_the_server_and_the_cookie_in_the_browser(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    elsewhere, tokens = open_browser(stranger, ada), log_in(stranger, ada)

    answer = stranger.post("/auth/logout", headers=browser.headers)

    assert (answer.status_code, answer.content) == (204, b"")
    assert attributes(answer) == {"HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=0"}
    assert cookie_of(answer) in {"", '""'}
    assert not is_known(stranger, browser)
    assert is_known(stranger, elsewhere)
    assert is_known(stranger, tokens)


def test_a_logout_with_a_token_is_none_of_the_cookies_business(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    tokens = log_in(stranger, ada)

    answer = stranger.post("/auth/logout", headers={**tokens.headers, **browser.shown})

    assert answer.status_code == 204
    assert "set-cookie" not in answer.headers
    assert not is_known(stranger, tokens)
    assert is_known(stranger, browser)


def everywhere(http: httpx.Client, ada: Person, _admin: Person) -> httpx.Response:
    """Log out everywhere."""
    return http.post("/auth/logout-everywhere", headers=log_in(http, ada).headers)


def by_a_new_password(http: httpx.Client, ada: Person, _admin: Person) -> httpx.Response:
    """Change the password."""
    change = {"current_password": ada.password, "new_password": new_password()}
    return http.post("/auth/password", json=change, headers=log_in(http, ada).headers)


def by_an_admin(http: httpx.Client, ada: Person, admin: Person) -> httpx.Response:
    """Let an admin end all of somebody's sessions."""
    return http.delete(f"/users/{ada.id}/sessions", headers=log_in(http, admin).headers)


def with_the_account(http: httpx.Client, ada: Person, admin: Person) -> httpx.Response:
    """Let an admin delete somebody."""
    return http.delete(f"/users/{ada.id}", headers=log_in(http, admin).headers)


@pytest.mark.parametrize("end", [everywhere, by_a_new_password, by_an_admin, with_the_account])
def test_a_session_that_is_ended_from_elsewhere_is_over_at_the_next_request(
    end: Callable[[httpx.Client, Person, Person], httpx.Response],
    stranger: httpx.Client,
    ada: Person,
    environment: dict[str, str],
) -> None:
    sessions = [open_browser(stranger, ada), open_browser(stranger, ada)]
    before = [is_known(stranger, each) for each in sessions]

    answer = end(stranger, ada, first_admin(environment))

    assert answer.status_code == 204
    assert before == [True, True]
    assert [is_known(stranger, each) for each in sessions] == [False, False]


def test_two_who_log_out_at_once_are_both_told_that_it_is_done(
    stranger: httpx.Client, browser: Browser
) -> None:
    answers = together(
        10, lambda _: stranger.post("/auth/logout", headers=browser.headers).status_code
    )

    assert 204 in answers
    assert set(answers) <= {204, 401}
    assert not is_known(stranger, browser)


# ---------------------------------------------------------------- forged requests


def test_a_request_that_changes_something_needs_the_sessions_csrf_token(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    other = open_browser(stranger, ada)

    def status(**token: str) -> tuple[int, str]:
        return refusal(stranger.post("/auth/logout", headers={**browser.shown, **token}))

    assert status() == (403, "csrf_token_missing")
    assert status(**{"X-CSRF-Token": ""}) == FORGED
    assert status(**{"X-CSRF-Token": other.csrf}) == FORGED
    assert status(**{"X-CSRF-Token": browser.cookie}) == FORGED
    assert status(**{"X-CSRF-Token": browser.csrf[:-1]}) == FORGED
    assert status(**{"X-CSRF-Token": browser.csrf.swapcase()}) == FORGED
    assert status(**{"X-CSRF-Token": f"{browser.csrf},{browser.csrf}"}) == FORGED
    assert is_known(stranger, browser)


def test_a_csrf_token_in_letters_of_others_is_no_error_of_ours(
    stranger: httpx.Client, browser: Browser
) -> None:
    token = {b"Cookie": browser.shown["Cookie"].encode(), b"X-CSRF-Token": "ÿé".encode("latin-1")}

    answer = stranger.post("/auth/logout", headers=token)

    assert refusal(answer) == FORGED


def test_the_csrf_token_of_the_session_before_is_none(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    after = browser_of(ask_cookie(stranger, ada, browser.shown))

    answer = stranger.post("/auth/logout", headers={**browser.headers, **after.shown})

    assert refusal(answer) == FORGED


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/orders"),
        ("POST", "/orders/1/cancel"),
        ("POST", "/auth/password"),
        ("POST", "/auth/logout-everywhere"),
        ("PATCH", "/users/1"),
        ("PUT", "/users/1"),
        ("PUT", "/users/1/role"),
        ("DELETE", "/users/1"),
        ("DELETE", "/users/1/sessions"),
        ("POST", "/products"),
    ],
)
def test_every_request_that_changes_something_needs_it_before_anything_else_is_looked_at(
    method: str, path: str, stranger: httpx.Client, browser: Browser
) -> None:
    answer = stranger.request(method, path, json={}, headers=browser.shown)

    assert refusal(answer) == (403, "csrf_token_missing")


ELSEWHERE = [
    {"Origin": "https://attacker.example"},
    {"Origin": "https://shop.example.attacker.example"},
    {"Origin": "https://attacker.example/https://shop.example"},
    {"Origin": "http://shop.example"},  # the same place without TLS
    {"Origin": "https://shop.example:8443"},
    {"Origin": "https://shop.example/"},
    {"Origin": "null"},  # what a sandboxed frame or a local file is
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},  # a neighbour under the same domain
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://attacker.example"},
]


@pytest.mark.parametrize("origin", ELSEWHERE, ids=str)
def test_what_another_site_sends_is_refused_even_with_the_right_token(
    origin: dict[str, str], stranger: httpx.Client, browser: Browser
) -> None:
    answer = stranger.post("/auth/logout", headers={**browser.headers, **origin})

    assert refusal(answer) == CROSS_SITE
    assert is_known(stranger, browser)


@pytest.mark.parametrize("origin", ELSEWHERE, ids=str)
def test_another_site_cannot_log_anybody_in(
    origin: dict[str, str], stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    answer = ask_cookie(stranger, ada, {**browser.shown, **origin})

    assert refusal(answer) == CROSS_SITE
    assert "set-cookie" not in answer.headers
    assert is_known(stranger, browser)


@pytest.mark.parametrize(
    "origin",
    [
        {"Origin": HERE},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},  # typed into the address bar
        {"Sec-Fetch-Site": "same-origin", "Origin": HERE},
    ],
    ids=str,
)
def test_what_our_own_page_sends_is_let_in(
    origin: dict[str, str], stranger: httpx.Client, ada: Person
) -> None:
    browser = browser_of(ask_cookie(stranger, ada, origin))

    answer = stranger.post("/auth/logout", headers={**browser.headers, **origin})

    assert answer.status_code == 204


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_to_look_takes_no_csrf_token(method: str, stranger: httpx.Client, browser: Browser) -> None:
    cross_site = {"Sec-Fetch-Site": "cross-site", "Origin": "https://attacker.example"}

    answer = stranger.request(method, "/auth/me", headers={**browser.shown, **cross_site})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert bool(answer.content) == (method == "GET")


def test_a_session_that_has_ended_is_told_so_whatever_its_token(
    stranger: httpx.Client, browser: Browser
) -> None:
    stranger.post("/auth/logout", headers=browser.headers).raise_for_status()

    answers = [
        stranger.post("/auth/logout", headers=headers)
        for headers in (browser.headers, browser.shown, browser.shown | {"Origin": "null"})
    ]

    assert {refusal(answer) for answer in answers} == {(401, "authentication_required")}


# ---------------------------------------------------------------- both, or twice


def test_of_a_token_and_a_cookie_the_token_decides(
    stranger: httpx.Client, browser: Browser
) -> None:
    bob = new_person(stranger)
    both = {**browser.shown, **log_in(stranger, bob).headers}

    seen = stranger.get("/auth/me", headers=both).json()["id"]
    answer = stranger.patch(f"/users/{bob.id}", json={"name": "Bob"}, headers=both)

    assert seen == bob.id
    assert answer.status_code == 200  # no page makes a browser send a token: nothing is forged


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic QTpC", "Cookie", "x y"])
def test_a_cookie_does_not_make_up_for_a_bad_token(
    authorization: str, stranger: httpx.Client, browser: Browser
) -> None:
    answer = stranger.get("/auth/me", headers={**browser.headers, "Authorization": authorization})

    assert refusal(answer) == (401, "invalid_token")


def test_two_tokens_are_none(stranger: httpx.Client, ada: Person) -> None:
    token = log_in(stranger, ada).headers["Authorization"]

    answer = stranger.get("/auth/me", headers=[("Authorization", token), ("Authorization", token)])

    assert refusal(answer) == (401, "invalid_token")


def test_of_two_cookies_neither_counts_in_any_respect(
    stranger: httpx.Client, browser: Browser
) -> None:
    """No browser sends two of this name: somebody has put one of them there."""
    bob = open_browser(stranger, new_person(stranger))
    in_one = {"Cookie": f"{bob.shown['Cookie']}; {browser.shown['Cookie']}"}
    in_two = [("Cookie", bob.shown["Cookie"]), ("Cookie", browser.shown["Cookie"])]

    for cookies in (list(in_one.items()), in_two):
        for answer in (
            stranger.get("/auth/me", headers=cookies),
            stranger.get("/auth/session", headers=cookies),
            stranger.post("/auth/logout", headers=[*cookies, ("X-CSRF-Token", browser.csrf)]),
        ):
            assert refusal(answer) == (401, "authentication_required")

    assert is_known(stranger, browser)


def test_a_login_with_tokens_looks_at_no_cookie(
    stranger: httpx.Client, ada: Person, browser: Browser
) -> None:
    stranger.headers.update(browser.shown)

    assert ask_tokens(stranger, ada).status_code == 200
    assert is_known(stranger, browser)
