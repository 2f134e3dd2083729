"""Who is asking: how a token or a cookie becomes somebody with a role."""

from ..domain.errors import invalid_token
from ..domain.identity import Identity
from ..domain.sessions import TO_THE, Lifetimes, Session, digest
from .ports import AccessTokenSigner, Clock, Work
from .sharing import Batch


class Identification:
    """Knows people again by what a login has given them."""

    def __init__(
        self, work: Work, clock: Clock, signer: AccessTokenSigner, lifetimes: Lifetimes
    ) -> None:
        self._work = work
        self._clock = clock
        self._signer = signer
        self._lifetimes = lifetimes
        # Looked up for each request, and shared by those of one instant: a token that told the role
        # would keep telling it after it was changed.
        self._roles = Batch(work, lambda work, asked: work.tokens.roles(asked))
        self._sessions = Batch(work, lambda work, hashes: work.sessions.by_cookies(hashes))

    async def by_token(self, text: str) -> Identity:
        """Know the bearer of a token; raises InvalidToken.

        Its signature is checked here, whether it still counts there where all is kept.
        """
        token = self._signer.read(text, self._clock())
        role = await self._roles.get((token.user_id, token.jti))
        if role is None:
            raise invalid_token()
        return Identity(token.user_id, role, jti=token.jti)

    async def session_by_cookie(self, cookie: str) -> Session | None:
        """Find the session that a cookie opens, and note that it was used."""
        session = await self._sessions.get(digest(cookie))
        if session is None:
            return None
        at = self._clock()
        if at >= session.expires_at or at - session.last_used_at >= self._lifetimes.idle:
            return None
        if at - session.last_used_at >= TO_THE:
            async with self._work() as work:
                await work.sessions.touch(session.id, at)
        return session
