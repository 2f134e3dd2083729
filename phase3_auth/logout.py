"""Ending sessions: one's own, all of one's own, and (for admins) all of somebody's."""

import logging

from fastapi import APIRouter, Request, Response

from .auth import Admin, CurrentUser, Identity
from .database import connection
from .errors import problems
from .responses import no_content
from .schemas import Id
from .security import now
from .sessions import (
    clear_cookie,
    end_sessions,
    lock_session,
    lock_sessions_of_user,
    own_session,
)
from .strict import StrictRoute

log = logging.getLogger(__package__)

router = APIRouter(route_class=StrictRoute, tags=["auth"])


@router.post("/auth/logout", status_code=204, responses=problems(403))
async def log_out(request: Request, who: CurrentUser) -> Response:
    """End the session that asks: its cookie, or all tokens of its family."""
    async with connection(request) as conn, conn.transaction():
        ours = await own_session(conn, who.jti, who.session_id)
        await end_sessions(conn, await lock_session(conn, ours), now(request))
    log.info("auth.logged_out user_id=%d", who.user_id)
    return farewell(who)


@router.post("/auth/logout-everywhere", status_code=204, responses=problems(403))
async def log_out_everywhere(request: Request, who: CurrentUser) -> Response:
    """End all sessions of the user who asks, on whatever machine."""
    await end_all(request, who.user_id)
    log.info("auth.logged_out_everywhere user_id=%d by=%d", who.user_id, who.user_id)
    return farewell(who)


@router.delete("/users/{user_id}/sessions", status_code=204, responses=problems(403, 404))
async def end_users_sessions(request: Request, who: Admin, user_id: Id) -> Response:
    """End all sessions of a user; one who is unknown has none, which is what was asked for."""
    await end_all(request, user_id)
    log.info("auth.logged_out_everywhere user_id=%d by=%d", user_id, who.user_id)
    return no_content()


async def end_all(request: Request, user_id: int) -> None:
    """End all sessions of a user."""
    async with connection(request) as conn, conn.transaction():
        await end_sessions(conn, await lock_sessions_of_user(conn, user_id), now(request))


def farewell(who: Identity) -> Response:
    """204; whoever came with a cookie is told to forget it, since it opens nothing any more."""
    answer = no_content()
    if who.session_id is not None:
        clear_cookie(answer)
    return answer
