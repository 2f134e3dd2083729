"""Accounts, sessions and families of tokens to ask about, made through whatever keeps them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID, uuid4

from phase4_layered.domain.accounts import Account, SignUp
from phase4_layered.domain.sessions import Validity, digest

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
"""The least that PostgreSQL and Python can tell apart."""

HASH = "$2b$04$this"
ANOTHER_HASH = "$2b$05$that"
ISSUER = "https://id.example.com"

# From now until when the parts of a family last; each ends at another time.
GOOD = Validity(
    NOW,
    access_expires_at=NOW + timedelta(minutes=15),
    expires_at=NOW + timedelta(days=14),
    session_expires_at=NOW + timedelta(days=90),
)


class Family(NamedTuple):
    """A session by tokens: the hash of its first one, and the access token that came with it."""

    token: bytes
    jti: UUID
    session: int


def sign_up(email: str | None = None, name: str = "Ada") -> SignUp:
    """Ask for an account, with an e-mail that nobody has if none is given."""
    email = email or f"{secrets.token_hex(8)}@example.com"
    return SignUp(name=name, email=email, password="a long sentence")  # noqa: S106 -- of nobody


async def an_account(work: Work, email: str | None = None) -> Account:
    """Open an account with a password."""
    async with work() as unit:
        user = await unit.accounts.add(sign_up(email), HASH)
    return await the_account(work, user.id)


async def the_account(work: Work, user_id: int) -> Account:
    """Look at an account as it is now."""
    async with work() as unit:
        account = await unit.accounts.get(user_id)
    assert account is not None
    return account


def a_secret() -> bytes:
    """Make the hash of a cookie or token that nobody has."""
    return digest(secrets.token_hex(16))


async def a_cookie(
    work: Work, account: Account, expires_at: datetime = NOW + timedelta(1)
) -> bytes:
    """Open a session with a cookie, and return the cookie's hash."""
    cookie = a_secret()
    async with work() as unit:
        assert await unit.sessions.open(account, cookie, NOW, expires_at)
    return cookie


async def a_family(work: Work, account: Account, validity: Validity = GOOD) -> Family:
    """Open a session by tokens."""
    token, jti = a_secret(), uuid4()
    async with work() as unit:
        assert await unit.tokens.open_family(account, token, jti, validity) is not None
        session = await unit.sessions.of_token(jti)
    assert session is not None
    return Family(token, jti, session)


async def session_of(work: Work, cookie: bytes) -> int | None:
    """Find the session that a cookie opens."""
    async with work() as unit:
        session = (await unit.sessions.by_cookies([cookie]))[cookie]
    return session and session.id


async def role_of(work: Work, user_id: int, jti: UUID) -> str | None:
    """Ask which role an access token stands for."""
    async with work() as unit:
        return (await unit.tokens.roles([(user_id, jti)]))[user_id, jti]
