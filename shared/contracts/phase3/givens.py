"""What a check needs before it starts: people with passwords, tokens and cookies, and their shop.

What is called `try_…` answers whatever the server does; everything else expects success. Each login
and each signup comes from an address that nobody has used before, unless one is given: so no check
meets the rate limits of another, nor of an earlier run.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.contracts.kit import Answer, Api, Mismatch, expect, expect_problem, unique

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields = dict[str, Any]

SESSION = "__Host-session"
"""The cookie that a session is known by."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in."""

    id: int
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives to a client that is no browser; the access token is good for seconds."""

    access: str
    refresh: str
    lifetime: int


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie as a server sets it; the attributes' names in lower case."""

    name: str
    value: str
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """What a login gives to a browser: a cookie, and what has to be sent along with it."""

    cookie: Cookie
    csrf_token: str


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with an account, and a client through which they speak."""

    account: Account
    api: Api

    @property
    def id(self) -> int:
        """The id under which the shop knows them."""
        return self.account.id


@dataclass(frozen=True, slots=True)
class Jwt:
    """A token taken apart, unverified; `signature` is as it was written."""

    header: Fields
    claims: Fields
    signature: str

    def written(self) -> str:
        """Put it together, perhaps after `dataclasses.replace`: then the signature won't fit."""
        return f"{segment(self.header)}.{segment(self.claims)}.{self.signature}"


# ---------------------------------------------------------------- from where


def new_address() -> str:
    """Make up an address in a network of its own, of those that are nobody's (RFC 3849)."""
    return f"2001:db8:{secrets.token_hex(2)}:{secrets.token_hex(2)}::1"


def sent_from(address: str | None = None) -> dict[str, str]:
    """Say, as a proxy in front of the server would, where a request comes from."""
    return {"X-Forwarded-For": address or new_address()}


# ---------------------------------------------------------------- accounts


def new_password() -> str:
    """Make a password that nobody else has."""
    return secrets.token_urlsafe(18)


def signup_fields(**changes: object) -> Fields:
    """Make a valid body for a signup by somebody new."""
    name, email = "Ada Lovelace", f"{unique('ada')}@example.org"
    return {"name": name, "email": email, "password": new_password()} | changes


def try_signup(api: Api, fields: Fields, address: str | None = None) -> Answer:
    """Ask for an account."""
    return api.post("/auth/signup", json=fields, headers=sent_from(address))


def new_account(api: Api, **changes: object) -> Account:
    """Open an account for somebody new, who has not logged in yet."""
    fields = signup_fields(**changes)
    user = expect(try_signup(api, fields), 201).json()
    return Account(user["id"], fields["email"], fields["password"])


def try_role(admin: Api, user_id: int, role: str) -> Answer:
    """Ask for another role for a user."""
    return admin.put(f"/users/{user_id}/role", json={"role": role})


# ---------------------------------------------------------------- tokens


def try_login(api: Api, email: str, password: str, address: str | None = None) -> Answer:
    """Ask for tokens."""
    fields = {"email": email, "password": password}
    return api.post("/auth/login", json=fields, headers=sent_from(address))


def log_in(api: Api, account: Account) -> Tokens:
    """Log in for tokens."""
    return tokens_in(try_login(api, account.email, account.password))


def try_refresh(api: Api, refresh_token: str, address: str | None = None) -> Answer:
    """Ask for new tokens."""
    fields = {"refresh_token": refresh_token}
    return api.post("/auth/refresh", json=fields, headers=sent_from(address))


def refreshed(api: Api, tokens: Tokens) -> Tokens:
    """Exchange tokens for new ones."""
    return tokens_in(try_refresh(api, tokens.refresh))


def tokens_in(answer: Answer) -> Tokens:
    """Read the tokens of a login or a refresh."""
    told = expect(answer, 200, json={"token_type": "Bearer"}).json()
    return Tokens(told["access_token"], told["refresh_token"], told["expires_in"])


def as_bearer(api: Api, token: str) -> Api:
    """Give a client that sends this access token, or whatever it is, with each request."""
    return api.with_headers({"Authorization": f"Bearer {token}"})


def as_user(api: Api, tokens: Tokens) -> Api:
    """Give a client for somebody with tokens; it shares memory and connections with `api`."""
    return as_bearer(api, tokens.access)


def new_customer(api: Api, **changes: object) -> Customer:
    """Open an account for somebody new and log them in, with tokens."""
    account = new_account(api, **changes)
    return Customer(account, as_user(api, log_in(api, account)))


def new_admin(api: Api, admin: Api) -> Customer:
    """Make another admin, who can be taken the role, or be deleted, without harm to the run."""
    customer = new_customer(api)
    expect(try_role(admin, customer.id, "admin"), 200)
    return customer


# ---------------------------------------------------------------- cookies


def try_session(
    api: Api,
    email: str,
    password: str,
    address: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask for a session with a cookie; `headers` may be what a browser adds."""
    fields = {"email": email, "password": password}
    sent = {**sent_from(address), **(headers or {})}
    return api.post("/auth/session", json=fields, headers=sent)


def log_in_by_cookie(api: Api, account: Account) -> Session:
    """Log in as a browser does."""
    return session_in(try_session(api, account.email, account.password))


def session_in(answer: Answer) -> Session:
    """Read the session that an answer begins."""
    told = expect(answer, 200).json()
    return Session(cookie_in(answer, SESSION), told["csrf_token"])


def as_browser(api: Api, session: Session, *, csrf_token: bool = True) -> Api:
    """Give a client that sends the cookie with each request, and the CSRF token if it is to."""
    cookie = {"Cookie": f"{session.cookie.name}={session.cookie.value}"}
    token = {"X-CSRF-Token": session.csrf_token} if csrf_token else {}
    return api.with_headers(cookie | token)


def new_visitor(api: Api, **changes: object) -> Customer:
    """Open an account for somebody new and log them in, as a browser does."""
    account = new_account(api, **changes)
    return Customer(account, as_browser(api, log_in_by_cookie(api, account)))


def cookie_in(answer: Answer, name: str) -> Cookie:
    """Find a cookie that an answer sets; there must be exactly one of that name."""
    found = [cookie for cookie in cookies_in(answer) if cookie.name == name]
    if len(found) != 1:
        raise Mismatch(f"Set-Cookie: expected one {name}, got {len(found)}", answer)
    return found[0]


def cookies_in(answer: Answer) -> list[Cookie]:
    """Read what an answer sets (RFC 6265, 5.2)."""
    return [_cookie(text) for text in answer.headers.all("Set-Cookie")]


def _cookie(text: str) -> Cookie:
    (name, value), *attributes = (_parted(part) for part in text.split(";"))
    return Cookie(name, value, {attribute.lower(): told for attribute, told in attributes})


def _parted(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip()


# ---------------------------------------------------------------- JWT


def decoded(token: str) -> Jwt:
    """Take a token apart without looking at its signature."""
    parts = token.split(".")
    try:
        header, claims = (json.loads(from_segment(part)) for part in parts[:2])
        return Jwt(header, claims, parts[2])
    except (ValueError, LookupError):
        raise Mismatch(f"expected a JWT, got {token!r}") from None


def segment(value: object) -> str:
    """Write JSON, or bytes as they are, as one of the parts between the dots (RFC 7515, 2).

    Without spaces, as most libraries do, so that what was not changed is the same to the letter.
    """
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return urlsafe_b64encode(data).decode().rstrip("=")


def from_segment(text: str) -> bytes:
    """Read what `segment` wrote."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---------------------------------------------------------------- orders


def try_order(api: Api, items: dict[int, int], key: str | None = None) -> Answer:
    """Ask for an order for whoever `api` speaks for, under a key of its own unless one is given."""
    lines = [{"product_id": product, "quantity": asked} for product, asked in items.items()]
    return api.post(
        "/orders", json={"items": lines}, headers={"Idempotency-Key": key or unique("key")}
    )


def new_order(api: Api, items: dict[int, int]) -> Fields:
    """Place an order and return it as the server sees it."""
    return expect(try_order(api, items), 201).json()


# ---------------------------------------------------------------- refusals


def expect_unauthenticated(answer: Answer, code: str = "authentication_required") -> Answer:
    """Expect 401 with a challenge (RFC 6750, 3), which names an error if a token was given."""
    expect_problem(answer, 401, code)
    error = ', error="invalid_token"' if code == "invalid_token" else ""
    return expect(answer, 401, headers={"WWW-Authenticate": f'Bearer realm="shop"{error}'})
