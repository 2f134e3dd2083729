"""Who asks, where a service wants to know: people who sign up and log in as anybody would."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx

from .measure import BenchError

if TYPE_CHECKING:
    from shared.servers import Server

_WITHIN = 10.0


def tokens(server: Server, how_many: int) -> tuple[str, ...]:
    """Sign so many people up, who are users 1, 2, 3 and so on, and return their access tokens."""
    with httpx.Client(base_url=server.url, timeout=_WITHIN) as client:
        return tuple(_token(client, number) for number in range(1, how_many + 1))


def _token(client: httpx.Client, number: int) -> str:
    """Come from an address of one's own (RFC 5737), because an address may sign up a few only."""
    address = {"X-Forwarded-For": f"198.51.100.{number}"}
    known_by = {"email": f"user{number}@example.org", "password": secrets.token_urlsafe(18)}
    person = {"name": f"User {number}", **known_by}
    signed_up = _checked(client.post("/auth/signup", json=person, headers=address))
    if signed_up.json()["id"] != number:  # seed.sql gives things to people by these numbers
        raise BenchError(f"User {number} was signed up as {signed_up.text}")
    logged_in = _checked(client.post("/auth/login", json=known_by, headers=address))
    return str(logged_in.json()["access_token"])


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise BenchError(f"{answer.url} was answered with {answer.status_code}: {answer.text}")
    return answer
