"""Requests that another site makes a browser send, which sends the cookie along (CSRF)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.tests.people import COOKIE, ask_cookie, cookie_of, open_browser

from .access import RULES, World
from .people import PASSWORD
from .rows import all_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from shared.servers import Server

    from .people import Person

    Refuse = Callable[[str, Mapping[str, str], str], None]

UNSAFE = [name for name, rule in RULES.items() if not name.startswith("GET ") and rule != "anyone"]


def from_elsewhere(ours: str) -> dict[str, dict[str, str]]:
    """List what a browser says when another site is behind a request."""
    scheme, _, host = ours.partition("://")
    name, _, port = host.partition(":")
    origins = (
        *("https://attacker.example", "null", "", "file://", "http://", ours + "/", ours + "."),
        *(f"https://{host}", f"{scheme}://{name}", f"{scheme}://{name}:1", f"{scheme}://x.{host}"),
        *(f"{scheme}://{host}.attacker.example", f"{scheme}://{name}.attacker.example:{port}"),
        *(f"{scheme}://attacker.example/{host}", f"{scheme}://{host}@attacker.example"),
        *(f"{scheme}://attacker{host}", ours.upper(), f"{ours}, https://attacker.example", "*"),
        *(f"http://localhost:{port}", f"http://0.0.0.0:{port}", f"http://[::1]:{port}"),
    )
    sites = ("cross-site", "same-site", "cross-origin", "", "Same-Origin", "none, cross-site")
    return {
        **{f"Origin: {origin}": {"Origin": origin} for origin in origins},
        **{f"Sec-Fetch-Site: {site}": {"Sec-Fetch-Site": site} for site in sites},
        "Origin of ours, from another site": {"Origin": ours, "Sec-Fetch-Site": "cross-site"},
    }


@pytest.fixture
def refused(http: httpx.Client, world: World, database_url: str) -> Refuse:
    """Check that a request is refused with a code, and has changed nothing."""

    def check(name: str, headers: Mapping[str, str], code: str) -> None:
        path, body = world.path(name.partition(" ")[2]), world.body(name, world.admin)
        before = all_rows(database_url)

        answer = world.ask(name, headers, world.admin, path, body)

        assert (answer.status_code, answer.json()["code"]) == (403, code)
        assert all_rows(database_url) == before
        assert http.get("/auth/me", headers=headers).json()["id"] == world.admin.id

    return check


@pytest.mark.parametrize("name", UNSAFE)
def test_the_cookie_alone_changes_nothing(world: World, refused: Refuse, name: str) -> None:
    cookie = world.identity("admin", "cookie")
    del cookie["X-CSRF-Token"]

    refused(name, cookie, "csrf_token_missing")


@pytest.mark.parametrize("name", UNSAFE)
def test_the_csrf_token_of_another_session_changes_nothing(
    http: httpx.Client, world: World, refused: Refuse, name: str
) -> None:
    cookie = world.identity("admin", "cookie")
    another = open_browser(http, world.admin).headers["X-CSRF-Token"]
    strangers = world.identity("stranger", "cookie")["X-CSRF-Token"]
    own = cookie["X-CSRF-Token"]
    guesses = ("", "null", "undefined", "0", own[:-1], own + "=", own.swapcase(), f"{own}, {own}")
    values = (another, strangers, cookie["Cookie"].partition("=")[2], *guesses)

    for value in values if name == "POST /auth/logout" else (another, ""):
        refused(name, {**cookie, "X-CSRF-Token": value}, "invalid_csrf_token")


@pytest.mark.parametrize("name", UNSAFE)
def test_what_another_site_has_sent_changes_nothing(
    world: World, refused: Refuse, name: str, server: Server
) -> None:
    cookie = world.identity("admin", "cookie")
    senders = from_elsewhere(server.url)
    chosen = senders if name == "POST /auth/logout" else {"": {"Sec-Fetch-Site": "cross-site"}}

    for sender in chosen.values():
        refused(name, {**cookie, **sender}, "cross_site_request")


def test_nobody_is_logged_in_from_another_site(
    http: httpx.Client, mallory: Person, server: Server, database_url: str
) -> None:
    before = all_rows(database_url)

    for who, sender in from_elsewhere(server.url).items():
        answer = ask_cookie(http, mallory, headers=sender)
        assert answer.json()["code"] == "cross_site_request", who
        assert "set-cookie" not in answer.headers

    assert all_rows(database_url) == before


def test_a_page_of_ours_may_do_what_others_may_not(
    http: httpx.Client, ada: Person, server: Server
) -> None:
    for sender in (
        {},
        {"Origin": server.url},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": server.url, "Sec-Fetch-Site": "same-origin", "Referer": "https://x.example/"},
    ):
        session = ask_cookie(http, ada, headers=sender)
        cookie = {
            "Cookie": f"{COOKIE}={cookie_of(session)}",
            "X-CSRF-Token": session.json()["csrf_token"],
        }
        assert http.post("/auth/logout", headers={**cookie, **sender}).status_code == 204


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_a_form_of_another_site_cannot_send_what_we_read(
    http: httpx.Client, ada: Person, content_type: str
) -> None:
    text = f'{{"email":"{ada.email}","password":"{PASSWORD}"}}'
    headers = {"Content-Type": content_type}

    for path in ("/auth/session", "/auth/login", "/auth/signup", "/auth/refresh"):
        answer = http.post(path, content=text.encode(), headers=headers)
        assert answer.status_code == 415
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", RULES)
def test_no_other_site_is_let_read_an_answer(world: World, http: httpx.Client, name: str) -> None:
    method, _, template = name.partition(" ")
    elsewhere = {"Origin": "https://attacker.example", "Access-Control-Request-Method": method}
    elsewhere["Access-Control-Request-Headers"] = "x-csrf-token, authorization, content-type"
    path = world.path(template)

    for answer in (
        http.options(path, headers=elsewhere),
        http.request(method, path, headers=elsewhere),
    ):
        told = {header for header in answer.headers if header.startswith("access-control-")}
        assert not told
        assert answer.headers["x-frame-options"] == "DENY"


def test_nothing_is_changed_by_asking(world: World, http: httpx.Client, database_url: str) -> None:
    cookie = world.identity("admin", "cookie")
    paths = [world.path(name.partition(" ")[2]) for name in RULES if name.startswith("GET ")]
    before = all_rows(database_url)

    for path in paths:
        http.get(path, headers={**cookie, "Sec-Fetch-Site": "cross-site"})
        http.head(path, headers=cookie)
        http.options(path, headers=cookie)

    assert all_rows(database_url) == before
