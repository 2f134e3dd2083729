"""Logging in with tokens: a short one to show at each request, and one to get the next pair with.

A refresh token is good for one exchange (RFC 9700, 4.14.2). So when somebody shows one a second
time, two people have had it, and nobody can tell which of them is the thief: the whole family ends.
"""

import logging
import secrets
from dataclasses import dataclass
from uuid import uuid4

from ..domain.accounts import Credentials
from ..domain.errors import Unauthenticated
from ..domain.limits import Allowance
from ..domain.sessions import (
    AccessToken,
    Exchange,
    Issued,
    Lifetimes,
    Tokens,
    digest,
    successor_of,
)
from .credentials import CredentialService, invalid_credentials
from .ports import AccessTokenSigner, Clock, RateLimiter, UnitOfWork, Work
from .sessions import end_sessions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Granted:
    """Tokens, and how many more the same client may ask for."""

    tokens: Tokens
    allowance: Allowance


class TokenService:
    """Hands out tokens."""

    def __init__(  # noqa: PLR0913 -- what it needs is told to it one by one
        self,
        work: Work,
        clock: Clock,
        *,
        credentials: CredentialService,
        limits: RateLimiter,
        signer: AccessTokenSigner,
        lifetimes: Lifetimes,
    ) -> None:
        self._work = work
        self._clock = clock
        self._credentials = credentials
        self._limits = limits
        self._signer = signer
        self._lifetimes = lifetimes

    async def log_in(self, address: str, given: Credentials) -> Granted:
        """Give tokens for a password; raises Unauthenticated and RateLimited."""
        account, allowance = await self._credentials.proven(address, given)
        token = secrets.token_urlsafe(32)
        validity = self._lifetimes.from_now_on(self._clock())
        async with self._work() as work:
            issued = await work.tokens.open_family(account, digest(token), uuid4(), validity)
        if issued is None:
            raise invalid_credentials()  # the password was changed while we looked at it
        log.info("auth.logged_in user_id=%d by=token", issued.user_id)
        return Granted(self._signed(issued, token), allowance)

    async def refresh(self, address: str, token: str) -> Granted:
        """Exchange a refresh token for a new pair; it is used up by that.

        Raises Unauthenticated and RateLimited.
        """
        allowance = self._limits.refresh(address)
        issued, successor = await self._exchanged(token)
        return Granted(self._signed(issued, successor), allowance)

    def _signed(self, issued: Issued, token: str) -> Tokens:
        access = AccessToken(
            issued.user_id, issued.access_jti, issued.issued_at, issued.access_expires_at
        )
        remaining = round((issued.access_expires_at - self._clock()).total_seconds())
        return Tokens(self._signer.sign(access), "Bearer", remaining, token)

    async def _exchanged(self, token: str) -> tuple[Issued, str]:
        """Exchange a token; returns what was issued and the successor."""
        seed = secrets.token_bytes(32)
        successor = successor_of(token, seed)
        validity = self._lifetimes.from_now_on(self._clock())
        async with self._work() as work:
            issued = await work.tokens.exchange(
                digest(token), digest(successor), seed, uuid4(), validity
            )
            if issued is not None:
                return issued, successor
            exchange = await work.tokens.exchanged(digest(token), self._clock())
            if exchange is None:
                raise invalid_refresh_token()
            return await self._exchanged_again(work, token, exchange)

    async def _exchanged_again(
        self, work: UnitOfWork, token: str, exchange: Exchange
    ) -> tuple[Issued, str]:
        """Give a lost answer once more, or end the family of a token that two people have had.

        A client whose answer was lost asks again at once, and nobody has used what was in it. It
        gets the very same tokens, as do two requests of one client that crossed each other. For
        these few seconds a thief would get them, too; then the first of the two to go on betrays
        the other.
        """
        at = self._clock()
        in_grace = at - exchange.issued.issued_at <= self._lifetimes.grace
        if not exchange.successor_used and in_grace:
            return exchange.issued, successor_of(token, exchange.seed)
        async with work.transaction():
            await end_sessions(work, await work.sessions.lock(exchange.session_id), at)
        log.warning(
            "auth.refresh_token_reused user_id=%d session_id=%d",
            exchange.issued.user_id,
            exchange.session_id,
        )
        raise invalid_refresh_token()


def invalid_refresh_token() -> Unauthenticated:
    """One answer for unknown, expired and used tokens."""
    return Unauthenticated("invalid_refresh_token", "The refresh token is not valid. Log in again.")
