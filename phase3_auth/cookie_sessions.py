"""Logging in with a cookie, for browsers: a session that is asked about at every request."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from pydantic import TypeAdapter

from .auth import CurrentUser, refuse_other_sites
from .credentials import Account, invalid_credentials, proven
from .database import connection
from .errors import BODY, Problem, problems
from .responses import private
from .schemas import Credentials
from .security import now, security
from .sessions import (
    COOKIE,
    csrf_token,
    digest,
    end_sessions,
    given_cookie,
    insert_session,
    lock_session_by_cookie,
    session_by_cookie,
    set_cookie,
)
from .strict import StrictRoute

log = logging.getLogger(__package__)

router = APIRouter(route_class=StrictRoute, tags=["auth"])


@dataclass(frozen=True, slots=True)
class CookieSession:
    """What a page has to know of its session: the token is for its X-CSRF-Token header."""

    user_id: int
    csrf_token: str
    expires_at: datetime


session_json = TypeAdapter(CookieSession).dump_json


@router.post(
    "/auth/session", response_model=CookieSession, responses=problems(401, 403, 429, *BODY)
)
async def begin_session(request: Request, given: Credentials) -> Response:
    """Log in, to be known by a cookie; another site cannot do so behind somebody's back."""
    refuse_other_sites(request)
    account, headers = await proven(request, given)
    async with connection(request) as conn:
        opened = await open_session(conn, request, account)
    if opened is None:
        raise invalid_credentials()  # the password was changed while we looked at it
    log.info("auth.logged_in user_id=%d by=cookie", account.id)
    cookie, expires_at = opened
    session = CookieSession(account.id, csrf_token(cookie), expires_at)
    answer = private(session_json(session))
    set_cookie(answer, cookie, security(request).settings.session_lifetime)
    answer.headers.update(headers)
    return answer


@router.get("/auth/session", response_model=CookieSession, responses=problems(404))
async def read_session(request: Request, who: CurrentUser) -> Response:
    """Tell a page that was loaded anew what it has to send along."""
    cookie = given_cookie(request, COOKIE)
    session = None if who.session_id is None else await session_by_cookie(request, cookie)
    if session is None:
        raise Problem(404, "no_cookie_session", "You came with a token; this is about cookies.")
    told = CookieSession(session.user_id, csrf_token(cookie), session.expires_at)
    return private(session_json(told))


async def open_session(
    conn: AsyncConnection, request: Request, account: Account
) -> tuple[str, datetime] | None:
    """Open a session with a cookie of its own; None if the password was changed meanwhile.

    Whatever cookie comes along is not kept: somebody else may have put it there and be waiting for
    its being worth something (session fixation). The session it opens ends.
    """
    at = now(request)
    cookie, expires_at = secrets.token_urlsafe(32), at + security(request).settings.session_lifetime
    async with conn.transaction():
        if not await insert_session(conn, account, cookie, at, expires_at):
            return None
        if earlier := given_cookie(request, COOKIE):
            await end_sessions(conn, await lock_session_by_cookie(conn, digest(earlier)), at)
    return cookie, expires_at
