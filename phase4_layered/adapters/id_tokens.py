"""ID tokens: who has signed one, and whether it says to us, now, who has just logged in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import compare_digest
from typing import Annotated, Any

from jwt import PyJWK, PyJWS, PyJWTError
from pydantic import Field, ValidationError

from ..domain.logins import LoginRefused, Profile

# Signatures that only the provider's private key can make. With HS256 the key would be our client
# secret, or whatever a forger gets us to take for it: the public key, which everybody has.
ASYMMETRIC = {
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
}

LEEWAY = 60  # seconds by which the provider's clock may differ from ours

Key = dict[str, Any]  # a JSON Web Key (RFC 7517)


class IdToken(Profile):
    """The claims that decide whether an ID token counts (OpenID Connect Core 1.0, 2)."""

    iss: str
    aud: str | list[str]
    azp: str | None = None
    exp: Annotated[float, Field(allow_inf_nan=False)]
    iat: Annotated[float, Field(allow_inf_nan=False)]
    nonce: str


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token has to say to count."""

    issuer: str
    client_id: str
    nonce: str


# ---------------------------------------------------------------- what it says


def read_claims(payload: bytes, expected: Expected, now: datetime) -> IdToken:
    """Refuse what was not said by this provider, to us, now, about this login (Core, 3.1.3.7).

    Each such token is genuine and meant for something else: for another client of the provider, for
    last year, or for a login that somebody else has begun.
    """
    try:
        claims = IdToken.model_validate_json(payload)
    except ValidationError as error:
        raise LoginRefused("claims") from error
    audiences = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    # Of several audiences one is who the token was made for.
    party = claims.azp or (expected.client_id if len(audiences) == 1 else None)
    failings = {
        "issuer": claims.iss != expected.issuer,
        "audience": expected.client_id not in audiences,
        "authorized_party": party != expected.client_id,
        "expired": claims.exp + LEEWAY <= now.timestamp(),
        "not_issued_yet": claims.iat - LEEWAY > now.timestamp(),
        "nonce": not compare_digest(claims.nonce.encode(), expected.nonce.encode()),
    }
    for why, failed in failings.items():
        if failed:
            raise LoginRefused(why)
    return claims


# ---------------------------------------------------------------- who has signed it

# A key too short to be safe is no key; without this it would only be remarked upon.
signatures = PyJWS(options={"verify_signature": True, "enforce_minimum_key_length": True})


def opened(token: str, keys: Sequence[Key], announced: Collection[str]) -> bytes | None:
    """Return what a token says, if it is signed by one of the keys in an announced way."""
    try:
        header = signatures.get_unverified_header(token)
    except PyJWTError:
        return None
    algorithm, kid = str(header.get("alg")), header.get("kid")
    # Whoever writes the header may choose among these, and cannot bring along `none` or HS256.
    if algorithm not in ASYMMETRIC.intersection(announced):
        return None
    for key in keys:
        if fits(key, algorithm, kid) and (payload := opened_with(token, key, algorithm)):
            return payload
    return None


def fits(key: Mapping[str, object], algorithm: str, kid: str | None) -> bool:
    """Tell whether a key is one to try; tokens need not name theirs, nor keys what they are for."""
    return (
        (kid is None or key.get("kid") == kid)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
    )


def opened_with(token: str, key: Key, algorithm: str) -> bytes | None:
    """Try a key; one of another kind than the algorithm's, such as RSA for ES256, fits no lock."""
    try:
        return signatures.decode(token, PyJWK(key, algorithm), [algorithm])
    except (PyJWTError, ValueError, TypeError):
        return None
