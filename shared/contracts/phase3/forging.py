"""A forger's tools: a real token, keys to sign another one with, and a place to put them."""

from __future__ import annotations

import hmac
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.contracts.kit import Api, Mismatch

from .givens import (
    Fields,
    Jwt,
    as_bearer,
    decoded,
    expect_unauthenticated,
    log_in,
    new_account,
    segment,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


@dataclass(frozen=True, slots=True)
class Real:
    """A real token of somebody's, and somebody else to be."""

    text: str
    victim: int

    @property
    def jwt(self) -> Jwt:
        """The token, taken apart."""
        return decoded(self.text)

    @property
    def wanted(self) -> Fields:
        """What a forger would have it say: that he is the other one, and has ten years."""
        claims = self.jwt.claims
        return claims | {"sub": str(self.victim), "exp": int(claims["exp"]) + 10 * 366 * 86400}


def a_real_token(anybody: Api) -> Real:
    """Get a token in the ordinary way, and know somebody else by their id."""
    victim, forger = new_account(anybody), new_account(anybody)
    return Real(log_in(anybody, forger).access, victim.id)


def expect_forged(api: Api, token: str, how: str) -> None:
    """Expect a token to be refused; the message says how it was forged."""
    me = as_bearer(api, token).get("/auth/me")
    if me.status != 401:
        raise Mismatch(f"{how}: expected 401 for a forged token, got {me.status}", me)
    expect_unauthenticated(me, "invalid_token")


def without_alg(header: Fields) -> Fields:
    """Leave out how a token was signed."""
    return {name: value for name, value in header.items() if name != "alg"}


def hmac_of(algorithm: str, message: str, key: bytes) -> str:
    """Make the signature of a message."""
    return segment(hmac.digest(key, message.encode(), DIGESTS[algorithm]))


def signed(header: Fields, claims: Fields, key: bytes) -> str:
    """Write a token and sign it by HMAC, as its header says."""
    message = f"{segment(header)}.{segment(claims)}"
    return f"{message}.{hmac_of(header['alg'], message, key)}"


def signed_by_rsa(header: Fields, claims: Fields, key: RSAPrivateKey) -> str:
    """Sign with a key of one's own."""
    return jwt.encode(claims, key, "RS256", headers={**header, "alg": "RS256"})


def public_keys(api: Api) -> Iterator[bytes]:
    """Collect what a server publishes of its keys, in the forms in which a library may hold it."""
    answer = api.get("/.well-known/jwks.json")
    if answer.status != 200:
        return
    yield answer.body
    with suppress(jwt.PyJWTError):
        for each in jwt.PyJWKSet.from_json(answer.body.decode()).keys:
            for encoding in (Encoding.PEM, Encoding.DER):
                yield each.key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


@contextmanager
def serving(document: Fields) -> Generator[str]:
    """Publish a document for as long as the context is open; its URL is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/jwks.json"
        finally:
            server.shutdown()
            thread.join()
