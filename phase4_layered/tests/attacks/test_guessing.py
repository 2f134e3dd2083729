"""Guessing passwords more often than is allowed, by looking like somebody else each time."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from phase4_layered.tests.people import UNLIMITED, open_browser
from shared.contracts.raw import converse
from shared.race import together

from .people import PASSWORD, sign_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.fixtures import Serve
    from shared.servers import Server

    from .people import Person

TRIES = 5  # LOGIN_PER_PAIR
WRONG = "a guess"

OTHER_ADDRESSES = (
    *("X-Forwarded-For", "Forwarded-For", "X-Forwarded", "Forwarded", "X-Real-IP", "X-Client-IP"),
    *("Client-IP", "True-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "Fastly-Client-IP"),
    *("X-Cluster-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "X-ProxyUser-Ip"),
    *("X-Original-Forwarded-For", "X-Azure-ClientIP", "X-Appengine-User-IP", "Fly-Client-IP"),
    *("X-Host", "X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-By", "Via", "Host"),
    *("WL-Proxy-Client-IP", "Proxy-Client-IP", "HTTP-Client-IP", "X-Custom-IP-Authorization"),
)
OTHER_CLIENTS: dict[str, dict[str, str]] = {
    "another browser": {"User-Agent": "Another/1.0"},
    "another language": {"Accept-Language": "nl"},
    "a cookie": {"Cookie": "device=1; __Host-session=x"},
    "a page of ours": {"Sec-Fetch-Site": "same-origin"},
    "a retry": {"Idempotency-Key": "1", "X-Request-ID": "1"},
    "somebody who logs in": {"Authorization": "Bearer nonsense"},
}


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve with a limit for account and address, and nobody whose word counts for an address."""
    limit = {"LOGIN_PER_PAIR": f"{TRIES}/15 minutes", "TRUSTED_PROXIES": ""}
    return serve(env={**UNLIMITED, **limit, "DATABASE_URL": database_url})


@pytest.fixture
def guess(http: httpx.Client) -> Callable[..., int]:
    """Guess a password; returns the status of the answer."""

    def once(
        email: str, headers: Mapping[str, str] = {}, password: str = WRONG, path: str = "login"
    ) -> int:
        credentials = {"email": email, "password": password}
        return http.post(f"/auth/{path}", json=credentials, headers=headers).status_code

    return once


@pytest.fixture
def used_up(ada: Person, guess: Callable[..., int]) -> str:
    """Use up the guesses at an account; returns its e-mail."""
    assert [guess(ada.email) for _ in range(TRIES + 1)] == [401] * TRIES + [429]
    return ada.email


@pytest.mark.parametrize("header", OTHER_ADDRESSES)
def test_another_address_in_a_header_makes_nobody_another_client(
    used_up: str, guess: Callable[..., int], header: str
) -> None:
    addresses = (
        "192.0.2.1",
        "127.0.0.1",
        "::1",
        "localhost",
        "for=192.0.2.7",
        "192.0.2.1, 10.0.0.1",
    )

    for address in addresses:
        assert guess(used_up, {header: address}) == 429
        assert guess(used_up, {header: address}, PASSWORD) == 429


@pytest.mark.parametrize("headers", OTHER_CLIENTS.values(), ids=OTHER_CLIENTS.keys())
def test_another_look_makes_nobody_another_client(
    used_up: str, guess: Callable[..., int], headers: Mapping[str, str]
) -> None:
    assert guess(used_up, headers, PASSWORD) == 429


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase, str.capitalize])
def test_another_case_of_an_e_mail_is_the_same_account(
    used_up: str, guess: Callable[..., int], change: Callable[[str], str]
) -> None:
    assert guess(change(used_up), password=PASSWORD) == 429


ODD_SPELLINGS: dict[str, Callable[[str], str]] = {
    "a space in front": lambda email: f" {email}",
    "a space behind": lambda email: f"{email} ",
    "a tab": lambda email: f"\t{email}",
    "a line end": lambda email: f"{email}\n",
    "a zero byte": lambda email: f"{email}\0",
    "a no-break space": lambda email: f"{email}\u00a0",
    "an invisible space": lambda email: f"{email}\u200b",
    "a byte order mark": lambda email: f"\ufeff{email}",
    "a soft hyphen": lambda email: email.replace("@", "\u00ad@"),
    "a letter that is small as an i": lambda email: email.replace("i", "\u0130", 1) + "\u0130",
    "a Kelvin sign": lambda email: f"\u212a{email}",
    "a long s": lambda email: email.replace("s", "\u017f") + "\u017f",
    "letters of full width": lambda email: chr(0xFF41) + email[1:],
    "a look-alike letter": lambda email: "\u0430" + email[1:],
    "an @ of full width": lambda email: email.replace("@", "\uff20"),
    "a dot behind": lambda email: f"{email}.",
    "a domain in brackets": lambda email: email.replace("@", "@[") + "]",
    "quotes": lambda email: '"{}"@{}'.format(*email.split("@")),
    "a comment": lambda email: email.replace("@", "(comment)@"),
    "a name": lambda email: f"Ada <{email}>",
    "mailto": lambda email: f"mailto:{email}",
    "two of them": lambda email: f"{email},{email}",
    "percent-encoded": lambda email: email.replace("@", "%40"),
    "an escape": lambda email: email.replace("@", "\\u0040"),
}


@pytest.mark.parametrize("change", ODD_SPELLINGS.values(), ids=ODD_SPELLINGS.keys())
def test_another_spelling_of_an_e_mail_is_none(
    used_up: str, guess: Callable[..., int], change: Callable[[str], str]
) -> None:
    assert guess(change(used_up), password=PASSWORD) == 422


def test_plus_addressing_is_another_account(
    used_up: str, guess: Callable[..., int], http: httpx.Client
) -> None:
    plus = used_up.replace("@", "+1@")
    assert guess(plus, password=PASSWORD) == 401

    told = {"name": "Ada", "email": plus, "password": PASSWORD}
    assert http.post("/auth/signup", json=told).status_code == 201

    assert guess(plus, password=PASSWORD) == 200
    assert guess(used_up, password=PASSWORD) == 429


def test_all_ways_of_guessing_count_as_one(
    http: httpx.Client, ada: Person, guess: Callable[..., int]
) -> None:
    session = open_browser(http, ada).headers
    wrong = {"current_password": WRONG, "new_password": "another horse and battery"}
    right = {**wrong, "current_password": PASSWORD}

    assert guess(ada.email) == 401
    assert guess(ada.email, path="session") == 401
    for _ in range(TRIES - 2):
        assert http.post("/auth/password", json=wrong, headers=session).status_code == 403

    assert guess(ada.email, password=PASSWORD) == 429
    assert guess(ada.email, path="session", password=PASSWORD) == 429
    assert http.post("/auth/password", json=right, headers=session).status_code == 429
    assert http.get("/auth/me", headers=session).is_success


@pytest.mark.parametrize(
    "body",
    [
        '{"email":"MAIL","password":["a","correct horse battery staple"]}',
        '{"email":["MAIL","MAIL"],"password":"correct horse battery staple"}',
        '{"email":"MAIL","password":{"$ne":""}}',
        '{"email":"MAIL","password":true}',
        '{"email":"MAIL","password":"a","password":"correct horse battery staple"}',
        '{"email":"x@example.com","email":"MAIL","password":"correct horse battery staple"}',
        '[{"email":"MAIL","password":"a"},{"email":"MAIL","password":"b"}]',
        '{"email":"MAIL","password":"correct horse battery staple","Password":"b"}',
    ],
)
def test_one_request_makes_one_guess(http: httpx.Client, ada: Person, body: str) -> None:
    content = body.replace("MAIL", ada.email).encode()

    answer = http.post("/auth/login", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code in {400, 422}
    assert "access_token" not in answer.text


def test_guesses_that_come_at_once_are_counted_before_they_are_looked_at(
    http: httpx.Client, ada: Person, base_url: str
) -> None:
    credentials = {"email": ada.email, "password": WRONG}

    def guess(_: int) -> int:
        return httpx.post(f"{base_url}/auth/login", json=credentials, timeout=10).status_code

    statuses = together(20, guess)

    assert sorted(statuses, key=str) == [401] * TRIES + [429] * (20 - TRIES)
    assert http.post("/auth/login", json=credentials).status_code == 429


def test_guesses_in_one_packet_are_counted_each(ada: Person, server: Server) -> None:
    body = json.dumps({"email": ada.email, "password": WRONG})
    head = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n{body}"
    last = request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)

    told = converse(server.host, server.port, (request * 9 + last).encode(), 10).decode()

    assert told.count("HTTP/1.1 401 ") == TRIES
    assert told.count("HTTP/1.1 429 ") == 10 - TRIES


def test_who_is_stopped_is_told_for_how_long_and_no_more(
    http: httpx.Client, used_up: str, guess: Callable[..., int]
) -> None:
    nobody = "nobody@example.com"
    for _ in range(TRIES):
        guess(nobody)

    about_somebody, about_nobody = (
        http.post("/auth/login", json={"email": email, "password": WRONG})
        for email in (used_up, nobody)
    )

    for answer in (about_somebody, about_nobody):
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 900
        assert answer.headers["ratelimit-policy"] == f'"login";q={TRIES};w=900'
    assert about_somebody.headers.keys() == about_nobody.headers.keys()
    assert about_somebody.json().keys() == about_nobody.json().keys()


# ---------------------------------------------------------------- from many places


def from_(address: str) -> dict[str, str]:
    """Come from an address, by the word of a proxy that is trusted."""
    return {"X-Forwarded-For": address}


@pytest.fixture(scope="module")
def behind_a_proxy(serve: Serve, database_url: str) -> Server:
    """Serve behind a proxy, which we are, with a limit for accounts and one for addresses."""
    limits = {
        "LOGIN_PER_ACCOUNT": "6/hour",
        "LOGIN_PER_ADDRESS": "8/minute",
        "TRUSTED_PROXIES": "127.0.0.1",
    }
    return serve(env={**UNLIMITED, **limits, "DATABASE_URL": database_url})


@pytest.fixture
def proxy_client(behind_a_proxy: Server) -> httpx.Client:
    """Be the proxy."""
    return httpx.Client(base_url=behind_a_proxy.url, timeout=10)


def test_a_stranger_can_stop_strangers_and_not_the_owner(proxy_client: httpx.Client) -> None:
    with proxy_client as http:
        ada = sign_up(http, "Ada")  # and logs in from the proxy's own address
        attempt = partial(http.post, "/auth/login")
        right = {"email": ada.email, "password": PASSWORD}
        wrong = {**right, "password": WRONG}
        home = from_("192.0.2.1")
        assert attempt(json=right, headers=home).status_code == 200

        statuses = [
            attempt(json=wrong, headers=from_(f"198.51.100.{number}")).status_code
            for number in range(10)
        ]

        assert statuses.count(429) >= 4
        assert attempt(json=right, headers=home).status_code == 200
        # What a client says before the proxy does is not the client's address.
        pretending = from_("192.0.2.1, 198.51.100.77")
        assert attempt(json=right, headers=pretending).status_code == 429


def test_one_address_cannot_try_one_password_on_many_accounts(
    proxy_client: httpx.Client,
) -> None:
    with proxy_client as http:
        mallory = sign_up(http)
        place = from_("203.0.113.5")
        statuses: list[int] = []
        for number in range(10):
            spray = {"email": f"{number}.{mallory.email}", "password": PASSWORD}
            statuses.append(http.post("/auth/login", json=spray, headers=place).status_code)
            own = {"email": mallory.email, "password": PASSWORD}
            statuses.append(http.post("/auth/login", json=own, headers=place).status_code)

        # A login to an account of one's own between two guesses makes no room for more.
        assert statuses == [401, 200] * 4 + [429] * 12


def test_a_network_of_one_household_is_one_client(proxy_client: httpx.Client) -> None:
    with proxy_client as http:
        statuses = [
            http.post(
                "/auth/login",
                json={"email": f"{number}@example.com", "password": PASSWORD},
                headers=from_(f"2001:db8:7:7::{number:x}"),
            ).status_code
            for number in range(10)
        ]

        assert statuses == [401] * 8 + [429] * 2
