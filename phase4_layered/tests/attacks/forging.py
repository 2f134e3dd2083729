"""What a forger of access tokens does: take one apart, change it, put it together and sign it."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Forgery = Callable[["Loot"], str]
    Refused = Callable[[str], None]  # checks that a token is


def base64url(data: bytes) -> str:
    """Encode as a JWT's parts are: the alphabet of URLs, and no padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Decode what `base64url` has encoded."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def written(part: object) -> str:
    """Write a header or payload."""
    return base64url(json.dumps(part, separators=(",", ":")).encode())


def mac(text: str, key: bytes, digest: str = "sha256") -> str:
    """Sign as HS256 does, or with another digest."""
    return base64url(hmac.digest(key, text.encode(), digest))


def signed(header: object, payload: object, key: bytes, digest: str = "sha256") -> str:
    """Write a token and sign it."""
    return signed_text(f"{written(header)}.{written(payload)}", key, digest)


def signed_text(text: str, key: bytes, digest: str = "sha256") -> str:
    """Sign what is written already."""
    return f"{text}.{mac(text, key, digest)}"


@dataclass(frozen=True, slots=True)
class Loot:
    """What a forger has: a good token of his own, the victim's id, and in some cases the key.

    With the key everything is lost. It is here for what must be refused though its signature is
    right: a token that was signed for another time, for another service, or for another purpose.
    """

    token: str
    victim: int
    key: bytes

    @property
    def parts(self) -> list[str]:
        """The genuine header, payload and signature, as they stand in the token."""
        return self.token.split(".")

    @property
    def header(self) -> dict[str, Any]:
        """The genuine header."""
        return json.loads(decoded(self.parts[0]))

    @property
    def claims(self) -> dict[str, Any]:
        """The genuine payload."""
        return json.loads(decoded(self.parts[1]))

    @property
    def desired(self) -> dict[str, Any]:
        """The payload that the forger would like to have signed."""
        return {**self.claims, "sub": str(self.victim)}

    def with_header(self, key: bytes = b"", **members: object) -> str:
        """Make a header say something more, or something else, and sign with a key."""
        return signed({**self.header, **members}, self.desired, key)

    def with_claims(self, **claims: object) -> str:
        """Make the payload say something else, with a signature that is right."""
        return signed(self.header, {**self.claims, **claims}, self.key)

    def without(self, claim: str) -> str:
        """Leave out a claim, with a signature that is right."""
        claims = self.claims
        del claims[claim]
        return signed(self.header, claims, self.key)


def each(forgeries: Mapping[str, Forgery]) -> pytest.MarkDecorator:
    """Run a test for each forgery of a table, under the name it has there."""
    return pytest.mark.parametrize("forge", list(forgeries.values()), ids=list(forgeries))
