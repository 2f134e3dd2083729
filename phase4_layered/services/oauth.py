"""Login through an OpenID provider: out to it, back from it, and whose account that is."""

import logging
from dataclasses import dataclass
from datetime import timedelta
from secrets import compare_digest, token_urlsafe

from ..domain.errors import NotFound, TryAgain, Unauthenticated
from ..domain.limits import Allowance
from ..domain.logins import Callback, Login, LoginRefused, Profile, state_of
from ..domain.sessions import digest
from .cookie_sessions import CookieSessionService, OpenedSession
from .identities import account_of
from .ports import Clock, IdentityProvider, RateLimiter, Work
from .retrying import retried

log = logging.getLogger(__name__)

LIFETIME = timedelta(minutes=10)  # to type a password, and to look for a second factor


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send a browser, and the secret by which it is known when it comes back."""

    url: str
    secret: str
    allowance: Allowance


class OAuthService:
    """Logs in whom the provider vouches for; without one, each of it raises NotFound."""

    def __init__(
        self,
        work: Work,
        clock: Clock,
        cookies: CookieSessionService,
        limits: RateLimiter,
        provider: IdentityProvider | None,
    ) -> None:
        self._work = work
        self._clock = clock
        self._cookies = cookies
        self._limits = limits
        self._provider = provider

    async def begin(self, address: str, return_to: str) -> Begun:
        """Begin a login. A browser has one under way: to begin another gives up the one before."""
        provider = self._the_provider()
        allowance = self._limits.oauth(address)
        secret = token_urlsafe(32)
        state = state_of(secret)
        login = Login(token_urlsafe(32), token_urlsafe(48), return_to)
        url = await provider.authorization_url(state, login.nonce, login.code_verifier)
        async with self._work() as work:
            await work.logins.add(digest(state), login, self._clock() + LIFETIME)
        return Begun(url, secret, allowance)

    async def finish(
        self, secret: str, callback: Callback, earlier: str
    ) -> tuple[Login, OpenedSession]:
        """Log in whom the provider vouches for; raises Unauthenticated and Forbidden.

        `secret` is the one that the browser was given, `earlier` the session cookie it had before.
        Nothing is held while the provider is asked: it takes its time, and may be away.
        """
        provider = self._the_provider()
        login = await self._take_login(secret, callback.state)
        try:
            profile = await profile_of(provider, callback, login)
        except LoginRefused as refusal:
            log.warning("oauth.refused why=%s", refusal.why)
            raise
        opened = await retried(lambda: self._log_in(provider.issuer, profile, earlier))
        return login, opened

    def _the_provider(self) -> IdentityProvider:
        if self._provider is None:
            raise NotFound("oauth_not_configured", "There is no login through a provider here.")
        return self._provider

    async def _take_login(self, secret: str, state: str) -> Login:
        """Find the login that this browser has begun, and take it away: it comes back once.

        The secret is looked at first. An attacker who has begun a login can make somebody's browser
        open its callback, to have them work in his account without knowing it (login CSRF); but he
        cannot put the secret there. Nor can he use up a login whose state he has seen.
        """
        if not compare_digest(state_of(secret).encode(), state.encode()):
            raise login_expired()
        async with self._work() as work:
            login = await work.logins.take(digest(state), self._clock())
        if login is None:
            raise login_expired()
        return login

    async def _log_in(self, issuer: str, profile: Profile, earlier: str) -> OpenedSession:
        """Open a session for whoever the provider vouches for."""
        async with self._work() as work, work.transaction():
            account, how = await account_of(work, issuer, profile, self._clock())
            opened = await self._cookies.open(work, account, earlier)
            if opened is None:
                raise TryAgain  # the password was changed since we looked
        log.info("auth.logged_in user_id=%d by=provider account=%s", account.id, how)
        return opened


async def profile_of(provider: IdentityProvider, callback: Callback, login: Login) -> Profile:
    """Find out who has logged in; raises LoginRefused if the provider vouches for nobody."""
    await provider.check_issuer(callback.iss)
    if callback.error is not None or callback.code is None:
        # Neither told nor logged: the words may be anybody's, as anybody can make such an address.
        raise LoginRefused("by_the_provider")
    return await provider.redeem(callback.code, login.nonce, login.code_verifier)


def login_expired() -> Unauthenticated:
    """Nobody knows this login here, or nobody does any more."""
    detail = "This login was not begun in this browser, or took too long. Begin again."
    return Unauthenticated("login_expired", detail)
