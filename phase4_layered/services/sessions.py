"""How sessions end: one's own, all of one's own, and (for admins) all of somebody's.

A cookie opens what its row says: no row, and it opens nothing, at the very next request. An access
token goes on by itself. So whatever ends a session also denies the tokens it has handed out.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from ..domain.identity import Identity
from .ports import Clock, UnitOfWork, Work

log = logging.getLogger(__name__)


class SessionService:
    """Ends sessions."""

    def __init__(self, work: Work, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def log_out(self, who: Identity) -> None:
        """End the session that asks: its cookie, or all tokens of its family."""
        async with self._work() as work, work.transaction():
            ours = await own_session(work, who)
            await end_sessions(work, await work.sessions.lock(ours), self._clock())
        log.info("auth.logged_out user_id=%d", who.user_id)

    async def log_out_everywhere(self, who: Identity, user_id: int) -> None:
        """End all sessions of a user; one who is unknown has none, which is what was asked for."""
        async with self._work() as work, work.transaction():
            theirs = await work.sessions.lock_of_user(user_id)
            await end_sessions(work, theirs, self._clock())
        log.info("auth.logged_out_everywhere user_id=%d by=%d", user_id, who.user_id)


async def own_session(work: UnitOfWork, who: Identity) -> int | None:
    """Find the session that a request came by; an access token doesn't tell its session's id."""
    if who.session_id is not None or who.jti is None:
        return who.session_id
    return await work.sessions.of_token(who.jti)


async def end_sessions(work: UnitOfWork, sessions: Sequence[int], at: datetime) -> None:
    """End sessions that this transaction has locked, and deny what they have handed out.

    Lock, then look: somebody may be exchanging a token right now. He has done so before we get the
    lock, and the next statement sees what he was given; or he finds no session any more. A single
    statement for both would look first, wait, and miss that token.
    """
    if sessions:
        await work.sessions.deny(sessions, at)
        await work.sessions.remove(sessions)
