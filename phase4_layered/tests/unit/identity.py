"""What the services of identity need besides a shop: a clock to move, and quick stand-ins.

Those that have rules of their own are held to them together with what they stand in for
(test_stand_ins.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from phase4_layered.domain.accounts import Credentials, SignUp
from phase4_layered.domain.errors import RateLimited, invalid_token, overloaded
from phase4_layered.domain.identity import Identity
from phase4_layered.domain.limits import Allowance
from phase4_layered.domain.logins import LoginRefused, Profile
from phase4_layered.domain.sessions import Lifetimes
from phase4_layered.services.accounts import AccountService
from phase4_layered.services.cookie_sessions import CookieSessionService
from phase4_layered.services.credentials import CredentialService
from phase4_layered.services.identification import Identification
from phase4_layered.services.oauth import OAuthService
from phase4_layered.services.sessions import SessionService
from phase4_layered.services.tokens import TokenService
from phase4_layered.services.users import UserService
from phase4_layered.tests.in_memory.unit_of_work import InMemoryWork

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from phase4_layered.domain.sessions import AccessToken, Tokens
    from phase4_layered.domain.users import User
    from phase4_layered.services.cookie_sessions import OpenedSession
    from phase4_layered.services.ports import IdentityProvider
    from phase4_layered.tests.in_memory.store import Store, UserRow

START = datetime(2030, 1, 1, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
"""The least that two times can differ by."""

ADDRESS = "192.0.2.1"
EMAIL = "ada@example.com"
PASSWORD = "correct horse battery"  # noqa: S105 -- of nobody
ANOTHER = "staple of the same"

LIFETIMES = Lifetimes(
    access_token=timedelta(minutes=15),
    refresh_token=timedelta(days=14),
    family=timedelta(days=90),
    grace=timedelta(seconds=10),
    session=timedelta(days=7),
    idle=timedelta(days=1),
)


class StoppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Tell what time it is."""
        return self.now

    def let_pass(self, time: timedelta) -> None:
        """Let time pass."""
        self.now += time


class InstantPasswords:
    """Keeps a password as it is, behind what it would have cost; no slower than that."""

    def __init__(self) -> None:
        self.cost = 4
        self.has_room = True
        self.looked_at: list[str | None] = []
        """Which hashes a password was compared with, in the order in which that was asked."""
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """What others do, once, while a password is looked at."""

    async def hash(self, password: str) -> str:
        """Make what is kept of a password."""
        if not self.has_room:
            raise overloaded("Too many passwords.")
        return f"$2b${self.cost:02}${password}"

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether this is the password."""
        self.looked_at.append(hashed)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return hashed is not None and hashed[7:] == password

    def needs_rehash(self, hashed: str) -> bool:
        """Tell whether a hash was made at another cost."""
        return hashed[4:6] != f"{self.cost:02}"


class RememberedTokens:
    """Signs tokens by remembering them, and so knows its own."""

    def __init__(self) -> None:
        self._signed: dict[str, AccessToken] = {}

    def sign(self, token: AccessToken) -> str:
        """Write a token."""
        self._signed[str(token.jti)] = token
        return str(token.jti)

    def read(self, text: str, now: datetime) -> AccessToken:
        """Return what a token says; raises InvalidToken if it is none of ours, or not now."""
        token = self._signed.get(text)
        if token is None or not token.issued_at <= now < token.expires_at:
            raise invalid_token()
        return token


class CountedAttempts:
    """Counts attempts, and lets so many of each kind through; no time makes them fewer."""

    def __init__(self, quota: int = 100) -> None:
        self.quota = quota
        self.counts: Counter[tuple[str, ...]] = Counter()

    def before_login(self, address: str, email: str) -> Allowance:
        """Count an attempt to log in, before the password is looked at."""
        return self._counted("login", address, email.lower())

    def after_login(self, address: str, email: str) -> Allowance:
        """Note that the password was right."""
        del self.counts["login", address, email.lower()]
        return self._left("login", address, email.lower())

    def signup(self, address: str) -> Allowance:
        """Count an attempt to sign up."""
        return self._counted("signup", address)

    def refresh(self, address: str) -> Allowance:
        """Count an attempt to exchange a refresh token."""
        return self._counted("refresh", address)

    def oauth(self, address: str) -> Allowance:
        """Count a start of a login through the provider."""
        return self._counted("oauth", address)

    def _counted(self, *key: str) -> Allowance:
        if not (left := self._left(*key)).remaining:
            raise RateLimited(left)
        self.counts[key] += 1
        return self._left(*key)

    def _left(self, *key: str) -> Allowance:
        return Allowance(key[0], self.quota, 60, self.quota - self.counts[key], 60)


@dataclass(slots=True)
class ProviderInMemory:
    """Vouches for people by codes, which are good for the browser that has begun."""

    issuer: str = "https://id.example.com"
    people: dict[str, Profile] = field(default_factory=dict[str, Profile])
    """Who is behind a code."""
    begun: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """State, nonce and verifier of each login."""

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Make the address that a browser is sent to."""
        self.begun.append((state, nonce, verifier))
        return f"{self.issuer}/authorize?state={state}"

    async def check_issuer(self, iss: str | None) -> None:
        """Refuse a browser that says it comes from another provider."""
        if iss not in {None, self.issuer}:
            raise LoginRefused("other_issuer")

    async def redeem(self, code: str, nonce: str, verifier: str) -> Profile:
        """Exchange a code, once, for what is known of the person behind it."""
        if (nonce, verifier) not in {(its, secret) for _, its, secret in self.begun}:
            raise LoginRefused("other_browser")
        if code not in self.people:
            raise LoginRefused("code_refused")
        return self.people.pop(code)


class House:
    """The services of identity on a shop in memory, and all that they are given."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = StoppedClock()
        store.clock = self.clock
        self.work = InMemoryWork(store)
        self.passwords = InstantPasswords()
        self.signer = RememberedTokens()
        self.limits = CountedAttempts()
        self.their = ProviderInMemory()

    @cached_property
    def accounts(self) -> AccountService:
        """Open accounts, and change them."""
        return AccountService(
            self.work, self.clock, UserService(self.work), self.passwords, self.limits
        )

    @cached_property
    def credentials(self) -> CredentialService:
        """Prove passwords."""
        return CredentialService(self.work, self.passwords, self.limits)

    @cached_property
    def tokens(self) -> TokenService:
        """Hand out tokens."""
        return TokenService(
            self.work,
            self.clock,
            credentials=self.credentials,
            limits=self.limits,
            signer=self.signer,
            lifetimes=LIFETIMES,
        )

    @cached_property
    def cookies(self) -> CookieSessionService:
        """Open sessions with cookies."""
        return CookieSessionService(self.work, self.clock, self.credentials, LIFETIMES)

    @cached_property
    def sessions(self) -> SessionService:
        """End sessions."""
        return SessionService(self.work, self.clock)

    @cached_property
    def identification(self) -> Identification:
        """Know people again."""
        return Identification(self.work, self.clock, self.signer, LIFETIMES)

    @cached_property
    def oauth(self) -> OAuthService:
        """Log in whom the provider vouches for."""
        return self.oauth_with(self.their)

    def oauth_with(self, provider: IdentityProvider | None) -> OAuthService:
        """Log in whom another provider vouches for, or none."""
        return OAuthService(self.work, self.clock, self.cookies, self.limits, provider)

    async def sign_up(self, email: str = EMAIL, name: str = "Ada") -> User:
        """Open an account."""
        new = SignUp(name=name, email=email, password=PASSWORD)
        user, _ = await self.accounts.sign_up(ADDRESS, new)
        return user

    async def tokens_for(self, email: str = EMAIL, password: str = PASSWORD) -> Tokens:
        """Log in with tokens."""
        return (await self.tokens.log_in(ADDRESS, credentials(email, password))).tokens

    async def cookie_for(self, email: str = EMAIL, earlier: str = "") -> OpenedSession:
        """Log in with a cookie."""
        opened, _ = await self.cookies.log_in(ADDRESS, credentials(email), earlier)
        return opened

    async def bearer(self, tokens: Tokens) -> Identity:
        """Be who a token says."""
        return await self.identification.by_token(tokens.access_token)

    async def by_cookie(self, opened: OpenedSession) -> Identity | None:
        """Be who a cookie says; None if it opens nothing."""
        session = await self.identification.session_by_cookie(opened.cookie)
        return session and Identity(session.user_id, session.role, session_id=session.id)

    def row(self, user_id: int) -> UserRow:
        """Look at what is kept of a user."""
        return self.store.tables.users[user_id]

    def give_another_password(self, user_id: int) -> None:
        """Let the password of a user be another one, as if its owner had changed it."""
        row = self.row(user_id)
        version = row.password_version + 1
        kept = f"$2b$04${ANOTHER}"
        self.store.tables.users[user_id] = replace(
            row, password_hash=kept, password_version=version
        )


def credentials(email: str = EMAIL, password: str = PASSWORD) -> Credentials:
    """Claim to be somebody."""
    return Credentials(email=email, password=password)
