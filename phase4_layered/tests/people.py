"""People of the shop: their accounts, and what they have to show."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

COOKIE = "__Host-session"

UNLIMITED = {
    f"{what}_PER_{whom}": "100000/second"
    for what, whom in (
        ("LOGIN", "ADDRESS"),
        ("LOGIN", "PAIR"),
        ("LOGIN", "ACCOUNT"),
        ("SIGNUP", "ADDRESS"),
        ("REFRESH", "ADDRESS"),
    )
}
"""Settings of a service that lets one address be as many people as a test needs."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account, and what its owner knows."""

    id: int
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a program has after a login."""

    access: str
    refresh: str

    @property
    def headers(self) -> dict[str, str]:
        """Show the access token."""
        return {"Authorization": f"Bearer {self.access}"}


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser has after a login."""

    cookie: str
    csrf: str

    @property
    def shown(self) -> dict[str, str]:
        """Show the cookie, as a browser does whoever has made it send the request."""
        return {"Cookie": f"{COOKIE}={self.cookie}"}

    @property
    def headers(self) -> dict[str, str]:
        """Show the cookie, and that it is our page that asks."""
        return {**self.shown, "X-CSRF-Token": self.csrf}


Login = Tokens | Browser


# ---------------------------------------------------------------- accounts


def new_password() -> str:
    """Make a password that nobody has had."""
    return secrets.token_urlsafe(12)


def new_email() -> str:
    """Make an e-mail address that nobody has had."""
    return f"ada.{secrets.token_hex(8)}@example.com"


def new_person(http: httpx.Client) -> Person:
    """Sign somebody up."""
    email, password = new_email(), new_password()
    account = {"name": "Ada", "email": email, "password": password}
    answer = http.post("/auth/signup", json=account)
    assert answer.status_code == 201, answer.text
    return Person(answer.json()["id"], email, password)


def first_admin(environment: Mapping[str, str]) -> Person:
    """Name the admin whom each database has, and who is the first user of it."""
    return Person(1, environment["ADMIN_EMAIL"], environment["ADMIN_PASSWORD"])


# ---------------------------------------------------------------- logins


def ask_tokens(http: httpx.Client, person: Person) -> httpx.Response:
    """Ask for tokens; returns whatever is answered."""
    return http.post("/auth/login", json={"email": person.email, "password": person.password})


def ask_cookie(
    http: httpx.Client, person: Person, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """Ask for a session with a cookie; returns whatever is answered."""
    given = {"email": person.email, "password": person.password}
    return http.post("/auth/session", json=given, headers=headers)


def ask_refresh(http: httpx.Client, token: str) -> httpx.Response:
    """Ask for the next pair; returns whatever is answered."""
    return http.post("/auth/refresh", json={"refresh_token": token})


def log_in(http: httpx.Client, person: Person) -> Tokens:
    """Get tokens for a password."""
    return tokens_of(ask_tokens(http, person))


def open_browser(http: httpx.Client, person: Person) -> Browser:
    """Get a cookie for a password."""
    return browser_of(ask_cookie(http, person))


def refresh(http: httpx.Client, tokens: Tokens) -> Tokens:
    """Get the next pair for a refresh token."""
    return tokens_of(ask_refresh(http, tokens.refresh))


def tokens_of(answer: httpx.Response) -> Tokens:
    """Read the tokens out of an answer."""
    assert answer.status_code == 200, answer.text
    return Tokens(answer.json()["access_token"], answer.json()["refresh_token"])


def browser_of(answer: httpx.Response) -> Browser:
    """Read what a browser keeps and a page is told out of an answer."""
    assert answer.status_code == 200, answer.text
    return Browser(cookie_of(answer), answer.json()["csrf_token"])


def cookie_of(answer: httpx.Response) -> str:
    """Read the cookie that an answer sets, and that a client would not send without TLS."""
    return answer.headers["set-cookie"].removeprefix(f"{COOKIE}=").partition(";")[0]


# ---------------------------------------------------------------- what they open


def is_known(http: httpx.Client, login: Login) -> bool:
    """Tell whether what somebody has to show still opens anything."""
    answer = http.get("/auth/me", headers=login.headers)
    assert answer.status_code in {200, 401}, answer.text
    return answer.is_success


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Read what an answer says no with."""
    assert answer.is_error, f"{answer.status_code} {answer.text}"
    return answer.status_code, answer.json()["code"]
