"""Sessions: a login that lasts, known by a cookie or by a family of tokens, and how it ends.

A cookie opens what its row says: no row, and it opens nothing, at the very next request. An access
token goes on by itself. So whatever ends a session also denies the tokens it has handed out.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fastapi import Request, Response
from psycopg import AsyncConnection
from psycopg.rows import scalar_row

from .credentials import Account
from .database import array, connection
from .security import now, security
from .sharing import Batch

COOKIE = "__Host-session"
"""Browsers keep to the prefix: set over TLS only, and by this very host (RFC 6265bis, 4.1.3.2)."""

TO_THE = timedelta(minutes=1)
"""How exactly we know when a session was last used. To the second would be a write per request."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session with a cookie, and the role that its user has now."""

    id: int
    user_id: int
    role: str
    last_used_at: datetime
    expires_at: datetime


# ---------------------------------------------------------------- by a cookie


def digest(secret: str) -> bytes:
    """Make what is kept of a cookie or token; too long to be guessed, they need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_token(cookie: str) -> str:
    """Make a session's CSRF token out of its cookie; there is no way back, and nothing to keep."""
    return urlsafe_b64encode(digest(f"csrf {cookie}")).decode().rstrip("=")


def given_cookie(request: Request, name: str) -> str:
    """Return a cookie of this very name; "" if there is none, or more than one.

    Another host of our domain can set cookies that come here as well. The prefix __Host- is to keep
    it from setting this one. But Starlette takes white space of any kind off a name, and of two
    alike the last: the name behind a no-break space, which browsers let through, would pass for it.
    """
    lines = ";".join(request.headers.getlist("cookie")).split(";")
    pairs = [line.strip(" \t").partition("=") for line in lines]
    values = [value for called, _, value in pairs if called == name]
    return values[0] if len(values) == 1 else ""


def set_cookie(response: Response, cookie: str, lifetime: timedelta) -> None:
    """Hand a cookie to the browser: no script can read it, no other site's form can send it."""
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=round(lifetime.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response) -> None:
    """Tell the browser to forget the cookie, which opens nothing any more."""
    set_cookie(response, "", timedelta())


async def session_by_cookie(request: Request, cookie: str) -> Session | None:
    """Find the session that a cookie opens, and note that it was used."""
    session = await sessions_by_cookie.get(request, digest(cookie))
    if session is None:
        return None
    at, idle = now(request), security(request).settings.session_idle
    if at >= session.expires_at or at - session.last_used_at >= idle:
        return None
    if at - session.last_used_at >= TO_THE:
        async with connection(request) as conn:
            await update_last_used(conn, session.id, at)
    return session


# ---------------------------------------------------------------- how it ends


async def end_sessions(conn: AsyncConnection, sessions: Sequence[int], at: datetime) -> None:
    """End sessions that this transaction has locked, and deny what they have handed out.

    Lock, then look: somebody may be exchanging a token right now. He has done so before we get the
    lock, and the next statement sees what he was given; or he finds no session any more. A single
    statement for both would look first, wait, and miss that token.
    """
    if sessions:
        await insert_denials(conn, sessions, at)
        await delete_sessions(conn, sessions)


# ---------------------------------------------------------------- SQL


async def select_sessions_by_cookie(
    conn: AsyncConnection, hashes: Sequence[bytes]
) -> dict[bytes, Session | None]:
    """Find sessions with their users' roles; a cookie that opens nothing has None."""
    cursor = await conn.execute(
        """
        SELECT sessions.cookie_hash, sessions.id, sessions.user_id, users.role,
               sessions.last_used_at, sessions.expires_at
          FROM sessions
          JOIN users ON users.id = sessions.user_id
         WHERE sessions.cookie_hash = ANY(%(hashes)s::bytea[])
        """,
        {"hashes": list(hashes)},
    )
    found: dict[bytes, Session | None] = dict.fromkeys(hashes)
    for cookie_hash, *columns in await cursor.fetchall():
        found[cookie_hash] = Session(*columns)
    return found


sessions_by_cookie = Batch(select_sessions_by_cookie)


async def update_last_used(conn: AsyncConnection, session_id: int, at: datetime) -> None:
    """Note that a session was used; of many requests at once, the first has done it for all."""
    await conn.execute(
        """
        UPDATE sessions
           SET last_used_at = %(at)s
         WHERE id = %(id)s
           AND last_used_at <= %(at)s - %(to_the)s
        """,
        {"id": session_id, "at": at, "to_the": TO_THE},
    )


async def insert_session(
    conn: AsyncConnection,
    account: Account,
    cookie: str,
    at: datetime,
    expires_at: datetime,
) -> bool:
    """Open a session with a cookie, unless the password has changed since it was looked at.

    Looking at a password takes a quarter of a second, in which its owner may change it and end all
    sessions. FOR SHARE waits for that change to be committed, and makes it wait for us.
    """
    cursor = await conn.execute(
        """
        INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at)
        SELECT id, %(cookie_hash)s, %(at)s, %(at)s, %(expires_at)s
          FROM users
         WHERE id = %(user_id)s
           AND password_version = %(password_version)s
           FOR SHARE
        """,
        {
            "user_id": account.id,
            "password_version": account.password_version,
            "cookie_hash": digest(cookie),
            "at": at,
            "expires_at": expires_at,
        },
    )
    return cursor.rowcount == 1


async def own_session(
    conn: AsyncConnection, jti: UUID | None, session_id: int | None
) -> int | None:
    """Find the session that a request came by; an access token doesn't tell its session's id."""
    if session_id is not None:
        return session_id
    cursor = await conn.cursor(row_factory=scalar_row).execute(
        """
        SELECT session_id
          FROM refresh_tokens
         WHERE access_jti = %(jti)s
        """,
        {"jti": jti},
    )
    return await cursor.fetchone()


async def lock_session(conn: AsyncConnection, session_id: int | None) -> list[int]:
    """Lock a session, if it still lives."""
    cursor = await conn.cursor(row_factory=scalar_row).execute(
        """
        SELECT id
          FROM sessions
         WHERE id = %(id)s
           FOR UPDATE
        """,
        {"id": session_id},
    )
    return await cursor.fetchall()


async def lock_session_by_cookie(conn: AsyncConnection, cookie_hash: bytes) -> list[int]:
    """Lock the session that a cookie opens, if it still lives."""
    cursor = await conn.cursor(row_factory=scalar_row).execute(
        """
        SELECT id
          FROM sessions
         WHERE cookie_hash = %(cookie_hash)s
           FOR UPDATE
        """,
        {"cookie_hash": cookie_hash},
    )
    return await cursor.fetchall()


async def lock_sessions_of_user(conn: AsyncConnection, user_id: int) -> list[int]:
    """Lock all sessions of a user, in the order of their ids."""
    cursor = await conn.cursor(row_factory=scalar_row).execute(
        """
        SELECT id
          FROM sessions
         WHERE user_id = %(user_id)s
         ORDER BY id
           FOR UPDATE
        """,
        {"user_id": user_id},
    )
    return await cursor.fetchall()


async def insert_denials(conn: AsyncConnection, sessions: Sequence[int], at: datetime) -> None:
    """Deny every access token of these sessions that has not expired by itself."""
    await conn.execute(
        """
        INSERT INTO revoked_tokens (jti, expires_at)
        SELECT access_jti, access_expires_at
          FROM refresh_tokens
         WHERE session_id = ANY(%(sessions)s::bigint[])
           AND access_expires_at > %(at)s
        """,
        {"sessions": array(sessions), "at": at},
    )


async def delete_sessions(conn: AsyncConnection, sessions: Sequence[int]) -> None:
    """End sessions; their refresh tokens go with them."""
    await conn.execute(
        "DELETE FROM sessions WHERE id = ANY(%(sessions)s::bigint[])",
        {"sessions": array(sessions)},
    )
