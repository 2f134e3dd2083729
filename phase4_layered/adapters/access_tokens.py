"""Access tokens: signed notes that say who somebody is for a quarter of an hour (RFC 9068).

Reading one asks nobody, which is what they are for. So nothing stands in them that may change in
their time: not the role, and not whether they were taken back. Of what RFC 9068 requires, one claim
is missing, `client_id`: nobody lets an app act for him here, so there are no clients.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from jwt import PyJWT, PyJWTError
from pydantic import SecretStr

from ..domain.errors import invalid_token
from ..domain.sessions import AccessToken

ALGORITHM = "HS256"
CLAIMS = ["iss", "aud", "sub", "iat", "nbf", "exp", "jti"]

# Base64url, with a signature as long as SHA-256 makes it. Python's decoder would also take padding,
# and one token would have many spellings.
COMPACT = re.compile(r"[A-Za-z0-9_-]{1,200}\.[A-Za-z0-9_-]{1,1000}\.[A-Za-z0-9_-]{43}")

# Another instance of the service, with a clock a little ahead of ours, may have signed it just now.
SKEW = timedelta(seconds=5)

MOST_REMEMBERED = 10_000  # tokens, of half a kilobyte each

# What reading a claim raises that is a word in the place of a number, or no instant there can be.
OF_OTHER_TYPES = (ValueError, TypeError, OverflowError, OSError)


class AccessTokens:
    """Signs with the first of its keys, and knows again what any of them has signed.

    Two keys live at once is how a key is changed: the new one goes in front, and the old one leaves
    when the last token that it signed has expired.
    """

    def __init__(self, keys: Mapping[str, SecretStr], issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        # PyJWT would ask the machine for the time, and we ask our clock.
        self._jwt = PyJWT(
            {
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "require": CLAIMS,
                "enforce_minimum_key_length": True,
            }
        )
        secrets = {kid: key.get_secret_value().encode() for kid, key in keys.items()}
        self._kid, self._secret = next(iter(secrets.items()))
        # A client shows the same token at every request, and that we have signed it never changes.
        self._verified = lru_cache(MOST_REMEMBERED)(self._verify)
        # What our headers look like, to the letter, and the key that goes with each.
        self._by_header = {
            self._write({}, kid, secret).partition(".")[0]: (kid, secret)
            for kid, secret in secrets.items()
        }

    def sign(self, token: AccessToken) -> str:
        """Write a token; the same one is the same text whenever it is written."""
        return self._write(self._claims(token), self._kid, self._secret)

    def read(self, text: str, now: datetime) -> AccessToken:
        """Return what a token says, or raise InvalidToken.

        Its header is never asked how the token is to be checked: who believes it lets the sender
        choose (RFC 8725, 2.1). It is one of the few that we write, and then we know the key, or the
        token is none of ours.
        """
        token = self._verified(text)
        if not token.issued_at - SKEW <= now < token.expires_at:
            raise invalid_token()
        return token

    def _verify(self, text: str) -> AccessToken:
        kid, secret = self._by_header.get(text.partition(".")[0], (None, b""))
        if kid is None or not COMPACT.fullmatch(text):
            raise invalid_token()
        try:
            claims = self._jwt.decode(
                text, secret, [ALGORITHM], issuer=self._issuer, audience=self._audience
            )
            token = token_of(claims)
            written = self._write(self._claims(token), kid, secret)
        except (PyJWTError, *OF_OTHER_TYPES) as error:
            raise invalid_token() from error
        # A key may have signed other things: what was not to count before tomorrow, what says more
        # or says it in other words. What we would not have written to the letter is not ours.
        if written != text:
            raise invalid_token()
        return token

    def _claims(self, token: AccessToken) -> dict[str, Any]:
        issued_at = int(token.issued_at.timestamp())
        return {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(token.user_id),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": int(token.expires_at.timestamp()),
            "jti": str(token.jti),
        }

    def _write(self, claims: dict[str, Any], kid: str, secret: bytes) -> str:
        return self._jwt.encode(claims, secret, ALGORITHM, {"typ": "at+jwt", "kid": kid})


def token_of(claims: dict[str, Any]) -> AccessToken:
    """Read claims; raises one of OF_OTHER_TYPES if they have other types than `sign` gives them."""
    return AccessToken(
        int(claims["sub"]),
        UUID(claims["jti"]),
        datetime.fromtimestamp(claims["iat"], UTC),
        datetime.fromtimestamp(claims["exp"], UTC),
    )
