"""Logging in with tokens: a short one to show at each request, and one to get the next pair with.

A refresh token is good for one exchange (RFC 9700, 4.14.2). So when somebody shows one a second
time, two people have had it, and nobody can tell which of them is the thief: the whole family ends.
"""

import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import class_row
from pydantic import TypeAdapter

from .access_tokens import AccessToken
from .credentials import Account, invalid_credentials, proven
from .database import connection
from .errors import BODY, Problem, problems, unauthorized
from .responses import private
from .schemas import Credentials, GivenToken
from .security import address_of, now, security
from .sessions import digest, end_sessions, lock_session
from .strict import StrictRoute

log = logging.getLogger(__package__)

router = APIRouter(route_class=StrictRoute, tags=["auth"])


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets for a password or a refresh token (RFC 6749, 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A row of `refresh_tokens`, and whose it is."""

    user_id: int
    access_jti: UUID
    issued_at: datetime
    access_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a token was exchanged for; `seed` and the token make the successor once more."""

    session_id: int
    issued: Issued
    seed: bytes
    successor_used: bool


tokens_json = TypeAdapter(Tokens).dump_json

# ---------------------------------------------------------------- routes


@router.post("/auth/login", response_model=Tokens, responses=problems(401, 429, *BODY))
async def log_in(request: Request, given: Credentials) -> Response:
    """Give tokens for a password."""
    account, headers = await proven(request, given)
    token = secrets.token_urlsafe(32)
    async with connection(request) as conn:
        issued = await insert_family(conn, request, account, token)
    if issued is None:
        raise invalid_credentials()  # the password was changed while we looked at it
    log.info("auth.logged_in user_id=%d by=token", issued.user_id)
    return answer(request, issued, token, headers)


@router.post("/auth/refresh", response_model=Tokens, responses=problems(401, 429, *BODY))
async def refresh(request: Request, given: GivenToken) -> Response:
    """Exchange a refresh token for a new pair; it is used up by that."""
    allowance = security(request).limits.refresh(address_of(request))
    issued, token = await exchanged(request, given.refresh_token)
    return answer(request, issued, token, allowance.headers)


async def exchanged(request: Request, token: str) -> tuple[Issued, str]:
    """Exchange a token; returns what was issued and the successor. Raises 401."""
    seed = secrets.token_bytes(32)
    successor = successor_of(token, seed)
    async with connection(request) as conn:
        issued = await insert_successor(conn, request, token, seed, successor)
        if issued is not None:
            return issued, successor
        exchange = await select_exchange(conn, digest(token), now(request))
        if exchange is None:
            raise invalid_refresh_token()
        return await exchanged_again(conn, request, token, exchange)


async def exchanged_again(
    conn: AsyncConnection, request: Request, token: str, exchange: Exchange
) -> tuple[Issued, str]:
    """Give a lost answer once more, or end the family of a token that two people have had.

    A client whose answer was lost asks again at once, and nobody has used what was in it. It gets
    the very same tokens, as do two requests of one client that crossed each other. For these few
    seconds a thief would get them, too; then the first of the two to go on betrays the other.
    """
    at, grace = now(request), security(request).settings.refresh_grace
    if not exchange.successor_used and at - exchange.issued.issued_at <= grace:
        return exchange.issued, successor_of(token, exchange.seed)
    async with conn.transaction():
        await end_sessions(conn, await lock_session(conn, exchange.session_id), at)
    log.warning(
        "auth.refresh_token_reused user_id=%d session_id=%d",
        exchange.issued.user_id,
        exchange.session_id,
    )
    raise invalid_refresh_token()


def successor_of(token: str, seed: bytes) -> str:
    """Make the token that comes after another.

    The database has the seed and not the token, the client the token and not the seed: neither can
    make the successor alone, and the service, which is shown the token, can make it twice.
    """
    return urlsafe_b64encode(hmac.digest(seed, token.encode(), "sha256")).decode().rstrip("=")


def answer(request: Request, issued: Issued, token: str, headers: dict[str, str]) -> Response:
    """Hand the tokens over; nothing on the way may keep them."""
    access = AccessToken(
        issued.user_id, issued.access_jti, issued.issued_at, issued.access_expires_at
    )
    remaining = round((issued.access_expires_at - now(request)).total_seconds())
    text = security(request).access_tokens.sign(access)
    made = private(tokens_json(Tokens(text, "Bearer", remaining, token)))
    made.headers.update(headers)
    return made


def invalid_refresh_token() -> Problem:
    """401: one answer for unknown, expired and used tokens."""
    return unauthorized("invalid_refresh_token", "The refresh token is not valid. Log in again.")


# ---------------------------------------------------------------- SQL


def lifetimes(request: Request) -> dict[str, object]:
    """Tell the time, and until when what is issued now is good.

    Whatever the settings say, nothing outlives its family. Nor does an access token outlive the
    refresh token that came with it: by that row it is found when its session ends.
    """
    at, settings = now(request), security(request).settings
    session_expires_at = at + settings.family_lifetime
    expires_at = min(at + settings.refresh_token_lifetime, session_expires_at)
    return {
        "at": at,
        "access_expires_at": min(at + settings.access_token_lifetime, expires_at),
        "expires_at": expires_at,
        "session_expires_at": session_expires_at,
    }


async def insert_family(
    conn: AsyncConnection, request: Request, account: Account, token: str
) -> Issued | None:
    """Open a session with its first token; None if the password was changed meanwhile.

    Looking at a password takes a quarter of a second, in which its owner may change it and end all
    sessions. FOR SHARE waits for that change to be committed, and makes it wait for us.
    """
    cursor = await conn.cursor(row_factory=class_row(Issued)).execute(
        """
        WITH opened AS (
            INSERT INTO sessions (user_id, created_at, last_used_at, expires_at)
            SELECT id, %(at)s, %(at)s, %(session_expires_at)s
              FROM users
             WHERE id = %(user_id)s
               AND password_version = %(password_version)s
               FOR SHARE
            RETURNING id, user_id
        ), first AS (
            INSERT INTO refresh_tokens
                   (hash, session_id, access_jti, issued_at, access_expires_at, expires_at)
            SELECT %(hash)s, id, %(jti)s, %(at)s, %(access_expires_at)s, %(expires_at)s
              FROM opened
            RETURNING access_jti, issued_at, access_expires_at
        )
        SELECT opened.user_id, first.access_jti, first.issued_at, first.access_expires_at
          FROM opened
         CROSS JOIN first
        """,
        {
            **lifetimes(request),
            "user_id": account.id,
            "password_version": account.password_version,
            "hash": digest(token),
            "jti": uuid4(),
        },
    )
    return await cursor.fetchone()


async def insert_successor(
    conn: AsyncConnection, request: Request, token: str, seed: bytes, successor: str
) -> Issued | None:
    """Exchange a token for its successor; None if it is unknown, expired or was exchanged before.

    Of those who try at once, `refresh_tokens_parent_key` lets one through and makes the others wait
    until that one is done. A session that is ended meanwhile breaks the foreign key, and it is as
    if it had been ended before.
    """
    try:
        cursor = await conn.cursor(row_factory=class_row(Issued)).execute(
            """
            WITH next AS (
                INSERT INTO refresh_tokens (hash, session_id, parent, seed, access_jti, issued_at,
                                            access_expires_at, expires_at)
                SELECT %(hash)s, sessions.id, token.hash, %(seed)s, %(jti)s, %(at)s,
                       LEAST(%(access_expires_at)s, sessions.expires_at),
                       LEAST(%(expires_at)s, sessions.expires_at)
                  FROM refresh_tokens AS token
                  JOIN sessions ON sessions.id = token.session_id
                 WHERE token.hash = %(parent)s
                   AND token.expires_at > %(at)s
                ON CONFLICT (parent) DO NOTHING
                RETURNING session_id, access_jti, issued_at, access_expires_at
            )
            SELECT sessions.user_id, next.access_jti, next.issued_at, next.access_expires_at
              FROM next
              JOIN sessions ON sessions.id = next.session_id
            """,
            {
                **lifetimes(request),
                "parent": digest(token),
                "seed": seed,
                "hash": digest(successor),
                "jti": uuid4(),
            },
        )
    except ForeignKeyViolation:
        return None
    return await cursor.fetchone()


async def select_exchange(
    conn: AsyncConnection, token_hash: bytes, at: datetime
) -> Exchange | None:
    """Look up what a token was exchanged for; None if it never was, or its session is over."""
    cursor = await conn.execute(
        """
        SELECT next.session_id, sessions.user_id, next.access_jti, next.issued_at,
               next.access_expires_at, next.seed,
               EXISTS (SELECT FROM refresh_tokens AS after WHERE after.parent = next.hash)
          FROM refresh_tokens AS next
          JOIN sessions ON sessions.id = next.session_id
         WHERE next.parent = %(hash)s
           AND sessions.expires_at > %(at)s
        """,
        {"hash": token_hash, "at": at},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    session_id, user_id, jti, issued_at, access_expires_at, seed, successor_used = row
    issued = Issued(user_id, jti, issued_at, access_expires_at)
    return Exchange(session_id, issued, seed, successor_used)
