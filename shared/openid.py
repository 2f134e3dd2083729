"""An OpenID provider on this machine, and a browserless walk through a login at it.

It is `oidc-provider-mock`, in a process of its own. Whoever types a name is that person: nobody is
asked for a password. It looks at client secrets and redirect addresses only of registered clients,
and not at PKCE at all, so what depends on those is for a stricter provider to test.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from shared import servers

if TYPE_CHECKING:
    from collections.abc import Generator

    from flask import Flask

_ANSWER_WITHIN = 10.0

Jar = dict[str, str]
"""Cookies by their names."""

PEOPLE: dict[str, dict[str, object]] = {
    "ada": {"name": "Ada Lovelace", "email": "ada@example.com", "email_verified": True},
    "grace": {"name": "Grace Hopper", "email": "grace@example.com", "email_verified": True},
    "mallory": {"name": "Mallory", "email": "ada@example.com", "email_verified": False},
}
"""Who can log in with one click; Mallory has said that Ada's address is hers."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One running provider."""

    issuer: str

    def set_claims(self, sub: str, **claims: object) -> None:
        """Say what the provider knows of a person: `email`, `email_verified`, `name`, …."""
        address = f"{self.issuer}/users/{quote(sub, safe='')}"
        httpx.put(address, json=claims, timeout=_ANSWER_WITHIN).raise_for_status()

    def register(self, redirect_uri: str) -> tuple[str, str]:
        """Register a client; returns its id and secret, which are looked at from now on."""
        wanted = {"redirect_uris": [redirect_uri]}
        answer = httpx.post(f"{self.issuer}/oauth2/clients", json=wanted, timeout=_ANSWER_WITHIN)
        client = answer.raise_for_status().json()
        return client["client_id"], client["client_secret"]


@contextmanager
def provider() -> Generator[Provider]:
    """Run a provider on a free port of the loopback, which ends with the block or with us."""
    with servers.start(__name__) as server:
        yield Provider(server.url)


# ---------------------------------------------------------------- a walk without a browser


def log_in(
    client: httpx.Client, start_url: str, sub: str, cookies: Jar | None = None
) -> httpx.Response:
    """Log somebody in; returns the service's answer to the callback, whatever that is.

    Of the callback's address only path and query are used: the service may be known to browsers by
    another name than the client knows it by.
    """
    started = client.get(start_url, headers=cookie_header(cookies or {}), follow_redirects=False)
    callback = authorize(started.headers["location"], sub)
    brought = {**(cookies or {}), **cookies_of(started)}
    return come_back(client, callback, brought)


def authorize(address: str, sub: str) -> str:
    """Fill in the provider's form; returns the address that it sends the browser to."""
    answer = httpx.post(address, data={"sub": sub}, timeout=_ANSWER_WITHIN)
    return answer.headers["location"]


def come_back(client: httpx.Client, callback: str, cookies: Jar) -> httpx.Response:
    """Follow the provider back to the service."""
    target = httpx.URL(callback).raw_path.decode("ascii")
    return client.get(target, headers=cookie_header(cookies), follow_redirects=False)


def cookies_of(answer: httpx.Response) -> Jar:
    """Read the cookies that an answer sets.

    httpx keeps secure ones, too, but sends them over https only. Browsers make an exception of the
    loopback.
    """
    cookies = SimpleCookie()
    for header in answer.headers.get_list("set-cookie"):
        cookies.load(header)
    return {name: morsel.value for name, morsel in cookies.items()}


def cookie_header(cookies: Jar) -> dict[str, str]:
    """Send cookies along, by hand."""
    if not cookies:
        return {}
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


# ---------------------------------------------------------------- the process


def make_app() -> Flask:
    """Make the provider, with the path that all our servers are known to live by."""
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # Authlib's word for http
    # It has annotations, and doesn't say so.
    from oidc_provider_mock import User, app  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]

    made = app(user_claims=[User(sub=sub, claims=claims) for sub, claims in PEOPLE.items()])
    made.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    return made


def serve() -> None:
    """Serve until the process is ended."""
    from werkzeug.serving import make_server  # noqa: PLC0415 - comes with the provider

    host, port = os.environ["HOST"], int(os.environ["PORT"])
    make_server(host, port, make_app(), threaded=True).serve_forever()


if __name__ == "__main__":
    serve()
