"""People of the experiments: how they get an account, and what they are given for a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import httpx

    from shared.lab import Lab

PASSWORD = "nine gulls over a pier"  # noqa: S105 - it opens nothing that lasts

UNLIMITED: dict[str, str] = dict.fromkeys(
    (
        "LOGIN_PER_ADDRESS",
        "LOGIN_PER_PAIR",
        "LOGIN_PER_ACCOUNT",
        "SIGNUP_PER_ADDRESS",
        "REFRESH_PER_ADDRESS",
    ),
    "999999999/second",
)
"""For a service that is to be asked more often than it would stand from one address."""
HURRIED = UNLIMITED | {"BCRYPT_COST": "4"}
"""For an experiment that is about something else than passwords."""


class Tokens(NamedTuple):
    """What a login gives."""

    access: str
    refresh: str


def sign_up(http: httpx.Client, name: str) -> int:
    """Open an account for somebody; returns the user's id."""
    new = {"name": name, "email": email_of(name), "password": PASSWORD}
    return http.post("/auth/signup", json=new).raise_for_status().json()["id"]


def log_in(http: httpx.Client, name: str) -> Tokens:
    """Log somebody in with tokens."""
    return tokens_for(http, email_of(name), PASSWORD)


def log_in_admin(http: httpx.Client, lab: Lab) -> Tokens:
    """Log the first admin in."""
    given = lab.environment
    return tokens_for(http, given["ADMIN_EMAIL"], given["ADMIN_PASSWORD"])


def tokens_for(http: httpx.Client, email: str, password: str) -> Tokens:
    """Exchange a password for tokens."""
    answer = http.post("/auth/login", json={"email": email, "password": password})
    given = answer.raise_for_status().json()
    return Tokens(given["access_token"], given["refresh_token"])


def email_of(name: str) -> str:
    """Make the address of somebody."""
    return f"{name.lower()}@example.com"


def bearing(token: str) -> dict[str, str]:
    """Show a token."""
    return {"Authorization": f"Bearer {token}"}
