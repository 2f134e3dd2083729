"""Ending sessions, over HTTP."""

from fastapi import APIRouter, Response

from ..domain.identity import Identity
from ..services.sessions import SessionService
from .auth import Admin, CurrentUser
from .cookies import clear_cookie
from .errors import problems
from .path import Id
from .responses import no_content
from .strict import StrictRoute


def routes(sessions: SessionService) -> APIRouter:
    """Make the routes for ending sessions."""
    router = APIRouter(route_class=StrictRoute, tags=["auth"])

    @router.post("/auth/logout", status_code=204, responses=problems(403))
    async def log_out(who: CurrentUser) -> Response:
        """End the session that asks: its cookie, or all tokens of its family."""
        await sessions.log_out(who)
        return farewell(who)

    @router.post("/auth/logout-everywhere", status_code=204, responses=problems(403))
    async def log_out_everywhere(who: CurrentUser) -> Response:
        """End all sessions of the user who asks, on whatever machine."""
        await sessions.log_out_everywhere(who, who.user_id)
        return farewell(who)

    @router.delete("/users/{user_id}/sessions", status_code=204, responses=problems(403, 404))
    async def end_users_sessions(who: Admin, user_id: Id) -> Response:
        """End all sessions of a user; one who is unknown has none, which is what was asked for."""
        await sessions.log_out_everywhere(who, user_id)
        return no_content()

    return router


def farewell(who: Identity) -> Response:
    """204; whoever came with a cookie is told to forget it, since it opens nothing any more."""
    answer = no_content()
    if who.session_id is not None:
        clear_cookie(answer)
    return answer
