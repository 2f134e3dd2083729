"""Cookies that somebody else has chosen, copied, or put beside one's own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phase4_layered.tests.people import COOKIE, ask_cookie, cookie_of, first_admin, open_browser

from .people import log_in

if TYPE_CHECKING:
    import httpx

    from .people import Person

CHOSEN = "A" * 43
WRONG = "not the password"


def who_is(http: httpx.Client, cookies: str | bytes) -> int | None:
    """Tell whom a Cookie header makes known; None for nobody."""
    value = cookies.encode("latin-1") if isinstance(cookies, str) else cookies
    answer = http.get("/auth/me", headers={b"Cookie": value})
    assert answer.status_code in {200, 400, 401}, answer.text
    return answer.json()["id"] if answer.is_success else None


# ---------------------------------------------------------------- session fixation


def test_a_cookie_that_the_client_brings_is_never_adopted(http: httpx.Client, ada: Person) -> None:
    for chosen in (CHOSEN, "", "1", "../../x", "x" * 4000):
        answer = ask_cookie(http, ada, headers={"Cookie": f"{COOKIE}={chosen}"})

        assert cookie_of(answer) != chosen
        assert who_is(http, f"{COOKIE}={chosen}") is None
        assert who_is(http, f"{COOKIE}={cookie_of(answer)}") == ada.id


def test_the_session_that_a_login_came_with_ends(
    http: httpx.Client, ada: Person, mallory: Person
) -> None:
    planted = open_browser(http, mallory).headers
    own = ask_cookie(http, ada, headers=planted)

    assert who_is(http, planted["Cookie"]) is None
    assert who_is(http, f"{COOKIE}={cookie_of(own)}") == ada.id


def test_a_login_that_fails_ends_nothing(http: httpx.Client, ada: Person) -> None:
    session = open_browser(http, ada).headers

    answer = ask_cookie(http, replace(ada, password=WRONG), headers=session)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert who_is(http, session["Cookie"]) == ada.id


def test_no_two_sessions_have_anything_in_common(http: httpx.Client, ada: Person) -> None:
    sessions = [ask_cookie(http, ada) for _ in range(20)]
    cookies = {cookie_of(session) for session in sessions}
    csrf_tokens = {session.json()["csrf_token"] for session in sessions}

    assert len(cookies) == len(csrf_tokens) == 20
    assert not cookies & csrf_tokens
    for cookie in cookies:
        assert re.fullmatch("[A-Za-z0-9_-]{43}", cookie)  # 256 bits
    for place in range(42):  # each letter of it is drawn
        assert len({cookie[place] for cookie in cookies}) > 5


def test_a_cookie_that_was_copied_opens_nothing_after_its_owner_has_left(
    http: httpx.Client, ada: Person
) -> None:
    session, other = open_browser(http, ada).headers, open_browser(http, ada).headers

    left = http.post("/auth/logout", headers=session)

    assert left.status_code == 204
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert who_is(http, session["Cookie"]) is None
    assert who_is(http, other["Cookie"]) == ada.id
    again = http.post("/auth/logout", headers=session)
    assert again.json()["code"] == "authentication_required"


def test_a_new_password_ends_the_sessions_that_were_stolen(http: httpx.Client, ada: Person) -> None:
    stolen, own = open_browser(http, ada).headers, open_browser(http, ada).headers
    change = {"current_password": ada.password, "new_password": "another horse and battery"}

    assert http.post("/auth/password", json=change, headers=own).status_code == 204

    assert who_is(http, stolen["Cookie"]) is None
    assert http.get("/auth/me", headers=ada.headers).status_code == 401
    refresh = http.post("/auth/refresh", json={"refresh_token": ada.refresh_token})
    assert refresh.status_code == 401
    assert who_is(http, own["Cookie"]) == ada.id


def test_the_cookie_of_a_deleted_user_opens_nothing(
    http: httpx.Client, ada: Person, admin: Person
) -> None:
    session = open_browser(http, ada).headers

    http.delete(f"/users/{ada.id}", headers=admin.headers).raise_for_status()

    assert who_is(http, session["Cookie"]) is None


def test_an_admin_can_end_the_sessions_of_whoever_was_robbed(
    http: httpx.Client, ada: Person, admin: Person, environment: dict[str, str]
) -> None:
    session = open_browser(http, ada).headers

    http.delete(f"/users/{ada.id}/sessions", headers=admin.headers).raise_for_status()

    assert who_is(http, session["Cookie"]) is None
    assert http.get("/auth/me", headers=ada.headers).status_code == 401
    assert log_in(http, first_admin(environment)).id == admin.id


# ---------------------------------------------------------------- cookie tossing

# What a subdomain can put beside the real one: to a browser another name, to a lenient parser not.
TOSSED = {
    "a no-break space in front": b"\xa0" + COOKIE.encode(),
    "a no-break space in front, as UTF-8": "\xa0".encode() + COOKIE.encode(),
    "a next-line character in front": b"\x85" + COOKIE.encode(),
    "an em space in front, as UTF-8": "\u2003".encode() + COOKIE.encode(),
    "a no-break space behind": COOKIE.encode() + b"\xa0",
    "another case": COOKIE.upper().encode(),
    "small letters": COOKIE.lower().encode(),
    "no prefix": b"session",
    "another prefix": b"__Secure-session",
    "quotes": b'"' + COOKIE.encode() + b'"',
    "percent-encoded": b"%5F%5FHost-session",
    "a dollar, as of RFC 2965": b"$" + COOKIE.encode(),
}


@pytest.mark.parametrize("name", TOSSED.values(), ids=TOSSED.keys())
def test_a_cookie_of_nearly_the_same_name_is_another(
    http: httpx.Client, ada: Person, mallory: Person, name: bytes
) -> None:
    own = open_browser(http, ada).shown["Cookie"].encode()
    tossed = name + b"=" + open_browser(http, mallory).cookie.encode()

    assert who_is(http, tossed) is None
    assert who_is(http, own + b"; " + tossed) == ada.id
    assert who_is(http, tossed + b"; " + own) == ada.id


def test_of_two_cookies_nobody_knows_which_is_meant(
    http: httpx.Client, ada: Person, mallory: Person
) -> None:
    own, tossed = (
        open_browser(http, ada).shown["Cookie"],
        open_browser(http, mallory).shown["Cookie"],
    )

    assert who_is(http, f"{own}; {tossed}") is None
    assert who_is(http, f"{tossed}; {own}") is None
    assert who_is(http, f"{own}; {COOKIE}=") is None
    two_headers = [("Cookie", own), ("Cookie", tossed)]
    assert http.get("/auth/me", headers=two_headers).status_code == 401
    assert who_is(http, own) == ada.id


@pytest.mark.parametrize(
    "spelled",
    [
        *('"{}"', "{}=", "{}%00", "%{}", "{}\\", "\\101{}", '"{}', "{},{}", "{}.", "{} {}"),
        *("$Version=1; {}", "\xe9{}", "{}\xa0", "{}\x7f", "\xa0{}"),
    ],
)
def test_a_cookie_has_one_spelling(http: httpx.Client, ada: Person, spelled: str) -> None:
    own = open_browser(http, ada).cookie

    assert who_is(http, f"{COOKIE}={spelled.replace('{}', own)}") is None


def test_white_space_that_http_allows_is_no_part_of_a_cookie(
    http: httpx.Client, ada: Person
) -> None:
    own = open_browser(http, ada).shown["Cookie"]

    for spelled in (f"{own}; ", f"a=b;{own}", f"a=b; {own};c=d", f"a=b;\t{own} ;", f";;{own}"):
        assert who_is(http, spelled.strip(" ")) == ada.id, spelled


@pytest.mark.parametrize("size", [1, 5_000, 50_000])
@pytest.mark.parametrize("letter", ["A", ";", "=", " ", "\xff", '"'])
def test_rubbish_for_a_cookie_is_nobody(http: httpx.Client, size: int, letter: str) -> None:
    assert who_is(http, f"{COOKIE}=x{letter * size}x") is None
    assert who_is(http, f"x{letter * size}x") is None
