"""Tokens that ought to be refused, and how they are made."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Json = dict[str, Any]
    Signs = Callable[[bytes], bytes]

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody who takes tokens: what real ones look like, and whom the attacker wants to be."""

    header: Json
    claims: Json
    """Of the attacker's own token."""
    signs: Signs
    """Signs with the right key, which the attacker does not have."""
    refresh: str
    admin: str

    def own(self) -> str:
        """Return the attacker's own token."""
        return compact(self.header, self.claims, self.signs)

    @property
    def wish(self) -> Json:
        """What the attacker would like it to say."""
        return self.claims | {"sub": self.admin}


class Forgery(NamedTuple):
    """A token that ought to be refused: what it is, what it is signed with, how it is made."""

    what: str
    signed_with: str
    made: Callable[[Target], str]


def forgeries(public_pem: bytes) -> list[Forgery]:
    """List them; the public key is what everybody may know of an issuer that signs with RSA."""
    own = new_key()
    jwk = RSAAlgorithm.to_jwk(own.public_key(), as_dict=True)

    def with_secret(secret: bytes) -> Signs:
        return lambda signed: hmac.digest(secret, signed, "sha256")

    def header(**members: object) -> Callable[[Target], Json]:
        return lambda target: target.header | members

    def forged(head: Callable[[Target], Json], signs: Signs) -> Callable[[Target], str]:
        return lambda target: compact(head(target), target.wish, signs)

    def real(change: Callable[[Target], Json], **members: object) -> Callable[[Target], str]:
        return lambda target: compact(
            target.header | members, target.wish | change(target), target.signs
        )

    return [
        Forgery("claims changed", "another token's signature", changed),
        Forgery("alg none", "nothing", forged(header(alg="none"), unsigned)),
        Forgery("alg nOnE", "nothing", forged(header(alg="nOnE"), unsigned)),
        Forgery("the signature cut off", "nothing", forged(header(), unsigned)),
        Forgery(
            "HS256 in the place of RS256",
            "the public key as a secret",
            forged(header(alg="HS256"), with_secret(public_pem)),
        ),
        Forgery(
            "kid leads to an empty file",
            "an empty secret",
            forged(header(alg="HS256", kid="/dev/null"), with_secret(b"")),
        ),
        Forgery(
            "brings its key along",
            "the attacker's own key",
            forged(header(alg="RS256", jwk=jwk), with_rsa(own)),
        ),
        Forgery("for another service", "the right key", real(lambda _: {"aud": "billing-api"})),
        Forgery("by another issuer", "the right key", real(lambda _: {"iss": "partner"})),
        Forgery(
            "expired an hour ago",
            "the right key",
            real(lambda target: dict(zip(("iat", "nbf", "exp"), earlier(target), strict=True))),
        ),
        Forgery("an ID token", "the right key", real(lambda _: {"nonce": "n"}, typ="JWT")),
        Forgery("a refresh token", "what is right for those", refresh),
    ]


def changed(target: Target) -> str:
    """Keep the signature of a real token, and say something else."""
    _, _, signature = target.own().rpartition(".")
    return compact(target.header, target.wish, unsigned) + signature


def refresh(target: Target) -> str:
    """Take what is for getting the next token."""
    return target.refresh


def earlier(target: Target) -> list[int]:
    """Return the times of a token that has expired an hour ago."""
    lifetime = target.claims["exp"] - target.claims["iat"]
    expired = target.claims["iat"] - HOUR
    return [expired - lifetime, expired - lifetime, expired]


# ---------------------------------------------------------------- writing tokens


def compact(header: Json, claims: Json, signs: Signs) -> str:
    """Write a token (RFC 7515, 3.1)."""
    signed = ".".join(encoded(written(part).encode()) for part in (header, claims))
    return f"{signed}.{encoded(signs(signed.encode()))}"


def written(part: Json) -> str:
    """Write JSON as short as can be, which is how our service writes it."""
    return json.dumps(part, separators=(",", ":"))


def encoded(part: bytes) -> str:
    """Encode as base64url without padding."""
    return urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(_: bytes) -> bytes:
    """Sign with nothing."""
    return b""


def with_rsa(key: RSAPrivateKey) -> Signs:
    """Sign as RS256 says."""
    return lambda signed: key.sign(signed, PKCS1v15(), SHA256())


def new_key() -> RSAPrivateKey:
    """Make a pair of keys."""
    return generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(key: RSAPrivateKey) -> bytes:
    """Write the public one of a pair as everybody gets it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
