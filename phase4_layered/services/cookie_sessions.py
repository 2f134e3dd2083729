"""Logging in with a cookie, for browsers: a session that is asked about at every request."""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime

from ..domain.accounts import Account, Credentials
from ..domain.limits import Allowance
from ..domain.sessions import Lifetimes, digest
from .credentials import CredentialService, invalid_credentials
from .ports import Clock, UnitOfWork, Work
from .sessions import end_sessions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that has begun: its cookie is told once, here."""

    user_id: int
    cookie: str
    expires_at: datetime


class CookieSessionService:
    """Opens sessions with cookies."""

    def __init__(
        self, work: Work, clock: Clock, credentials: CredentialService, lifetimes: Lifetimes
    ) -> None:
        self._work = work
        self._clock = clock
        self._credentials = credentials
        self._lifetimes = lifetimes

    async def log_in(
        self, address: str, given: Credentials, earlier: str
    ) -> tuple[OpenedSession, Allowance]:
        """Open a session for a password; raises Unauthenticated and RateLimited.

        `earlier` is the cookie that came along, if one did; its session ends.
        """
        account, allowance = await self._credentials.proven(address, given)
        async with self._work() as work, work.transaction():
            opened = await self.open(work, account, earlier)
        if opened is None:
            raise invalid_credentials()  # the password was changed while we looked at it
        log.info("auth.logged_in user_id=%d by=cookie", account.id)
        return opened, allowance

    async def open(self, work: UnitOfWork, account: Account, earlier: str) -> OpenedSession | None:
        """Open a session with a cookie of its own, as a part of a transaction.

        None if the password was changed meanwhile. Whatever cookie comes along is not kept:
        somebody else may have put it there and be waiting for its being worth something (session
        fixation). The session it opens ends.
        """
        at = self._clock()
        cookie, expires_at = secrets.token_urlsafe(32), at + self._lifetimes.session
        if not await work.sessions.open(account, digest(cookie), at, expires_at):
            return None
        if earlier:
            await end_sessions(work, await work.sessions.lock_by_cookie(digest(earlier)), at)
        return OpenedSession(account.id, cookie, expires_at)
