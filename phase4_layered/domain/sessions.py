"""Sessions: a login that lasts, known by a cookie or by a family of tokens."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

TO_THE = timedelta(minutes=1)
"""How exactly we know when a session was last used. To the second would be a write per request."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session with a cookie, and the role that its user has now."""

    id: int
    user_id: int
    role: str
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Validity:
    """From when and until when what is issued now is good."""

    at: datetime
    access_expires_at: datetime
    expires_at: datetime  # of the refresh token
    session_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things last."""

    access_token: timedelta
    refresh_token: timedelta
    family: timedelta
    grace: timedelta  # in which a client that lost the answer may ask for it once more
    session: timedelta
    idle: timedelta  # how long a session with a cookie may be left alone

    def from_now_on(self, at: datetime) -> Validity:
        """Tell until when what is issued now is good.

        Whatever the settings say, nothing outlives its family. Nor does an access token outlive the
        refresh token that came with it: by that one it is found when its session ends.
        """
        session_expires_at = at + self.family
        expires_at = min(at + self.refresh_token, session_expires_at)
        access_expires_at = min(at + self.access_token, expires_at)
        return Validity(at, access_expires_at, expires_at, session_expires_at)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets for a password or a refresh token (RFC 6749, 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Issued:
    """What a login or an exchange has handed out, and to whom."""

    user_id: int
    access_jti: UUID
    issued_at: datetime
    access_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a token was exchanged for; `seed` and the token make the successor once more."""

    session_id: int
    issued: Issued
    seed: bytes
    successor_used: bool


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a token says: whose it is, what it is called, and from when to when it is good."""

    user_id: int
    jti: UUID
    issued_at: datetime
    expires_at: datetime


def digest(secret: str) -> bytes:
    """Make what is kept of a cookie or token; too long to be guessed, they need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def successor_of(token: str, seed: bytes) -> str:
    """Make the token that comes after another.

    The database has the seed and not the token, the client the token and not the seed: neither can
    make the successor alone, and the service, which is shown the token, can make it twice.
    """
    return urlsafe_b64encode(hmac.digest(seed, token.encode(), "sha256")).decode().rstrip("=")
