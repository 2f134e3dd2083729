"""What it takes to know who is asking: accounts, sessions, tokens, and who vouches for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ...domain.accounts import Account, Promoted, SignUp
from ...domain.limits import Allowance
from ...domain.logins import Login, Profile
from ...domain.sessions import AccessToken, Exchange, Issued, Session, Validity
from ...domain.users import User


class AccountRepository(Protocol):
    """How people log in, and what they may do."""

    async def add(self, new: SignUp, password_hash: str) -> User:
        """Add a user with a password; raises Conflict for an e-mail that is taken."""
        ...

    async def add_vouched_for(self, email: str, name: str) -> Account | None:
        """Add a user whose e-mail a provider vouches for; None if there is one with it."""
        ...

    async def add_admin(self, new: SignUp, password_hash: str) -> bool:
        """Add an admin; False if there is somebody with the e-mail."""
        ...

    async def get(self, user_id: int) -> Account | None:
        """Find the account of a user."""
        ...

    async def by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail, in any case."""
        ...

    async def lock_by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail, and keep it as it is until this transaction ends."""
        ...

    async def change_password(self, account: Account, password_hash: str) -> bool:
        """Put a new password in the place of the one that was looked at; False if that is gone."""
        ...

    async def rehash(self, account: Account, dearer: str) -> None:
        """Put another hash of the same password in the place of the one that was looked at."""
        ...

    async def vouch_for(self, user_id: int) -> Account | None:
        """Note that the e-mail is vouched for, and remove the password; None if it was before."""
        ...

    async def change_role(self, user_id: int, role: str) -> User | None:
        """Change a user's role; None if there is no such user, or nobody would be left an admin."""
        ...

    async def promote(self, email: str) -> Promoted | None:
        """Make a user an admin; None if there is none with this e-mail."""
        ...


class SessionRepository(Protocol):
    """Sessions, and the access tokens that are denied because theirs has ended.

    To lock returns the ids of what was found; it stays as it is until this transaction ends.
    """

    async def by_cookies(self, hashes: Sequence[bytes]) -> Mapping[bytes, Session | None]:
        """Find sessions with their users' roles; a cookie that opens nothing has None."""
        ...

    async def touch(self, session_id: int, at: datetime) -> None:
        """Note that a session was used."""
        ...

    async def open(
        self, account: Account, cookie_hash: bytes, at: datetime, expires_at: datetime
    ) -> bool:
        """Open a session with a cookie; False if the password is not the one that was looked at."""
        ...

    async def of_token(self, jti: UUID) -> int | None:
        """Find the session of an access token; None if it has ended."""
        ...

    async def lock(self, session_id: int | None) -> list[int]:
        """Lock a session, if it still lives."""
        ...

    async def lock_by_cookie(self, cookie_hash: bytes) -> list[int]:
        """Lock the session that a cookie opens, if it still lives."""
        ...

    async def lock_of_user(self, user_id: int) -> list[int]:
        """Lock all sessions of a user, in the order of their ids."""
        ...

    async def deny(self, sessions: Sequence[int], at: datetime) -> None:
        """Deny every access token of these sessions that has not expired by itself."""
        ...

    async def remove(self, sessions: Sequence[int]) -> None:
        """Remove sessions, and their refresh tokens with them."""
        ...


class TokenRepository(Protocol):
    """Refresh tokens, and what the access tokens that came with them are good for now."""

    async def roles(
        self, asked: Sequence[tuple[int, UUID]]
    ) -> Mapping[tuple[int, UUID], str | None]:
        """Find the role of each token's user; None if the token was denied or the user is gone."""
        ...

    async def open_family(
        self, account: Account, token_hash: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Open a session with its first token; None if the password has changed meanwhile."""
        ...

    async def exchange(
        self, parent: bytes, successor: bytes, seed: bytes, jti: UUID, validity: Validity
    ) -> Issued | None:
        """Exchange a token for its successor; None if it is unknown, expired or used."""
        ...

    async def exchanged(self, token_hash: bytes, at: datetime) -> Exchange | None:
        """Look up what a token was exchanged for; None if it never was, or its session is over."""
        ...


class IdentityRepository(Protocol):
    """Who at which provider opens which account."""

    async def account_of(self, issuer: str, subject: str) -> Account | None:
        """Find the account of an identity."""
        ...

    async def add(self, issuer: str, subject: str, user_id: int) -> bool:
        """Note whose account an identity opens; False if somebody has just done so.

        Raises Forbidden if another one of this provider opens the account.
        """
        ...

    async def remove_all(self, user_id: int) -> None:
        """Part an account from all identities."""
        ...


class LoginRepository(Protocol):
    """Logins through a provider that are under way."""

    async def add(self, state_hash: bytes, login: Login, expires_at: datetime) -> None:
        """Write down a login that begins."""
        ...

    async def take(self, state_hash: bytes, at: datetime) -> Login | None:
        """Take a login away, if its time is not over; of two who want the same one, one gets it."""
        ...


class PasswordHasher(Protocol):
    """Makes of passwords what can be kept. Raises Unavailable where too many want that at once."""

    async def hash(self, password: str) -> str:
        """Make what is kept of a password."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether this is the password; where there is none (None), find out as slowly."""
        ...

    def needs_rehash(self, hashed: str) -> bool:
        """Tell whether a hash is not made as one would be made today."""
        ...


class AccessTokenSigner(Protocol):
    """Writes access tokens, and knows its own hand."""

    def sign(self, token: AccessToken) -> str:
        """Write a token."""
        ...

    def read(self, text: str, now: datetime) -> AccessToken:
        """Return what a token says; raises InvalidToken if it is none of ours, or not now."""
        ...


class RateLimiter(Protocol):
    """Counts attempts, by where they come from; raises RateLimited for one too many."""

    def before_login(self, address: str, email: str) -> Allowance:
        """Count an attempt to log in, before the password is looked at."""
        ...

    def after_login(self, address: str, email: str) -> Allowance:
        """Note that the password was right."""
        ...

    def signup(self, address: str) -> Allowance:
        """Count an attempt to sign up."""
        ...

    def refresh(self, address: str) -> Allowance:
        """Count an attempt to exchange a refresh token."""
        ...

    def oauth(self, address: str) -> Allowance:
        """Count a start of a login through the provider."""
        ...


class IdentityProvider(Protocol):
    """Somebody else who knows people.

    Raises LoginRefused for those it does not vouch for, and Unavailable while it is away.
    """

    @property
    def issuer(self) -> str:
        """Its name, which is an address."""
        ...

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Make the address that a browser is sent to."""
        ...

    async def check_issuer(self, iss: str | None) -> None:
        """Refuse a browser that says it comes from another provider."""
        ...

    async def redeem(self, code: str, nonce: str, verifier: str) -> Profile:
        """Exchange a code for what the provider says of the person who logged in."""
        ...
