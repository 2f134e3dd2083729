"""Logging in with a cookie, over HTTP."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter

from ..domain.accounts import Credentials
from ..services.cookie_sessions import CookieSessionService
from ..services.identification import Identification
from .auth import CurrentUser, refuse_other_sites
from .context import Address, context
from .cookies import SESSION, csrf_token, given_cookie, set_cookie
from .errors import BODY, Problem, problems
from .rate_limit import headers_of
from .responses import private
from .strict import StrictRoute


@dataclass(frozen=True, slots=True)
class CookieSession:
    """What a page has to know of its session: the token is for its X-CSRF-Token header."""

    user_id: int
    csrf_token: str
    expires_at: datetime


session_json = TypeAdapter(CookieSession).dump_json


def routes(logins: CookieSessionService, identification: Identification) -> APIRouter:
    """Make the routes for logging in with a cookie."""
    router = APIRouter(route_class=StrictRoute, tags=["auth"])

    @router.post(
        "/auth/session", response_model=CookieSession, responses=problems(401, 403, 429, *BODY)
    )
    async def begin_session(request: Request, address: Address, given: Credentials) -> Response:
        """Log in, to be known by a cookie; another site cannot do so behind somebody's back."""
        refuse_other_sites(request)
        earlier = given_cookie(request, SESSION)
        opened, allowance = await logins.log_in(address, given, earlier)
        token = csrf_token(opened.cookie)
        answer = private(session_json(CookieSession(opened.user_id, token, opened.expires_at)))
        set_cookie(answer, opened.cookie, context(request).session_lifetime)
        answer.headers.update(headers_of(allowance))
        return answer

    @router.get("/auth/session", response_model=CookieSession, responses=problems(404))
    async def read_session(request: Request, who: CurrentUser) -> Response:
        """Tell a page that was loaded anew what it has to send along."""
        cookie = given_cookie(request, SESSION)
        session = await identification.session_by_cookie(cookie) if who.session_id else None
        if session is None:
            raise Problem(404, "no_cookie_session", "You came with a token; this is about cookies.")
        told = CookieSession(session.user_id, csrf_token(cookie), session.expires_at)
        return private(session_json(told))

    return router
