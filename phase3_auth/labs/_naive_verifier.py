"""A verifier that believes what a token says about itself.

It checks signatures, and a token whose claims were changed is refused. Yet it lets the token choose
the algorithm, the key and whether there is anything to check, and of the claims it takes note of
none. Each of these mistakes has been in a library that many used (RFC 8725 is about them).
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64decode
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from jwt.algorithms import RSAAlgorithm

if TYPE_CHECKING:
    from pathlib import Path

    Json = dict[str, Any]


class Refused(Exception):
    """The signature is wrong."""


def verify(token: str, keys: Path) -> Json:
    """Return the claims of a token; `keys` is a folder of public keys."""
    signed, _, signature = token.rpartition(".")
    header, claims = map(parsed, signed.split("."))
    # Without a signature, or where the token says that it needs none, there is nothing to check.
    if signature and header["alg"].lower() != "none":
        check(header, keys, signed.encode(), decoded(signature))
    # Until when it is good, for which service, of which kind: it is signed, so it will be right.
    return claims


def check(header: Json, keys: Path, signed: bytes, signature: bytes) -> None:
    """Check a signature, with the algorithm and the key that the header names."""
    if header["alg"] == "HS256":
        key = (keys / header["kid"]).read_bytes()
        if not hmac.compare_digest(signature, hmac.digest(key, signed, "sha256")):
            raise Refused
        return
    try:
        public_key(header, keys).verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise Refused from error


def public_key(header: Json, keys: Path) -> RSAPublicKey:
    """Find the key: in the token itself, which is practical, or in a file."""
    if "jwk" in header:
        key = RSAAlgorithm.from_jwk(header["jwk"])
    else:
        key = load_pem_public_key((keys / header["kid"]).read_bytes())
    if not isinstance(key, RSAPublicKey):
        raise Refused
    return key


def parsed(part: str) -> Json:
    """Read the header or the claims."""
    return json.loads(decoded(part))


def decoded(part: str) -> bytes:
    """Decode base64url, which JWT writes without padding."""
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
