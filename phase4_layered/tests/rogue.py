"""An OpenID provider that says what a test has it say; with clients it is as strict as can be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.openid import come_back, cookies_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import httpx

Claims = dict[str, Any]

CLIENT_ID = "shop:1"  # a colon, and everything else that a form would quote
CLIENT_SECRET = "rogue's secret: 100% random+"  # noqa: S105 - of this file alone
PUBLIC_URL = "https://shop.test"
DISCOVERY = "/.well-known/openid-configuration"

# Making a key takes a while, and none of them is anybody's.
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505 - which is what it is for
EC = ec.generate_private_key(ec.SECP256R1())


def settings_for(issuer: str) -> dict[str, str]:
    """Say what a service needs to be this provider's client, with no limit to how often."""
    return {
        "PUBLIC_URL": PUBLIC_URL,
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OAUTH_PER_ADDRESS": "100000/minute",
    }


def public_key(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **members: str) -> Claims:
    """Write the public half of a key as a JSON Web Key."""
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), **members}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), **members}


def signed(claims: Claims, key: Any = RSA, alg: str = "RS256", **header: Any) -> str:  # noqa: ANN401
    """Sign claims as a provider does; the header names the key `rsa` if nothing else is said."""
    return jwt.encode(claims, key, alg, {"kid": "rsa", **header})


def signed_hs256(claims: Claims, secret: bytes) -> str:
    """Sign claims with a secret, be it what others take for a public key."""
    return by_hand(claims, "HS256", "rsa", lambda text: hmac.digest(secret, text, "sha256"))


def signed_weakly(claims: Claims) -> str:
    """Sign claims with a key that is too short."""
    algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
    return by_hand(claims, "RS256", "weak", lambda text: algorithm.sign(text, WEAK_RSA))


def by_hand(claims: Claims, alg: str, kid: str, sign: Callable[[bytes], bytes]) -> str:
    """Sign claims in a way that PyJWT would refuse, or warn of."""
    head = {"alg": alg, "typ": "JWT", "kid": kid}
    text = ".".join(base64url(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{base64url(sign(text.encode()))}"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in the place of the right one."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code was given out for."""

    asked: Mapping[str, str]
    claims: Claims


@dataclass
class Rogue:
    """What the provider says; all of it can be changed at any time."""

    issuer: str
    about: Claims = field(default_factory=Claims)  # goes over the discovery document
    keys: list[Claims] = field(default_factory=list[Claims])
    seal: Callable[[Claims], str] = signed  # makes the ID token
    userinfo: Claims = field(default_factory=Claims)
    instead: dict[str, Said] = field(default_factory=dict[str, Said])  # by path
    hanging: set[str] = field(default_factory=set[str])  # paths without an answer
    dripping: set[str] = field(default_factory=set[str])  # paths whose answer takes for ever
    asked: Counter[str] = field(default_factory=Counter[str])  # how often, by path
    grants: dict[str, Grant] = field(default_factory=dict[str, Grant])
    ended: Event = field(default_factory=Event)

    def behave(self) -> None:
        """Do all as it should be done, from now on."""
        self.about, self.userinfo, self.instead = {}, {}, {}
        self.seal, self.asked = signed, Counter()
        self.hanging, self.dripping = set(), set()
        self.keys = [
            public_key(RSA, kid="rsa", use="sig"),
            public_key(EC, kid="ec"),
            public_key(WEAK_RSA, kid="weak"),
            public_key(OTHER_RSA, kid="for-encryption", use="enc"),
        ]

    def authorize(self, address: str, /, **claims: object) -> str:
        """Let somebody in who is sent here; returns the address that the browser is sent back to.

        The claims go over those of an ordinary ID token. None takes one out; a timedelta is a time
        from when the token is made.
        """
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(asked, claims)
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def enter(self, http: httpx.Client, /, **claims: object) -> httpx.Response:
        """Walk through a whole login; returns the service's answer to the callback."""
        started = http.get("/auth/oauth/login")
        callback = self.authorize(started.headers["location"], **claims)
        return come_back(http, callback, cookies_of(started))

    # ------------------------------------------------------------ what it answers

    def discovery(self) -> Claims:
        """Tell where everything is. That it offers `none` and HS256, too, must make no odds."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "PS256", "HS256", "none"],
            **self.about,
        }

    def token(self, form: Mapping[str, str], authorization: str) -> tuple[int, Claims]:
        """Redeem a code: once, for the client it was made for, who has to have the verifier."""
        if not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or not _fits(grant.asked, form):
            return 400, {"error": "invalid_grant", "error_description": "<script>No.</script>"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "somebody",
            "iat": now,
            "exp": now + 300,
            "nonce": grant.asked["nonce"],
            **grant.claims,
        }
        said = {
            name: now + value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in claims.items()
            if value is not None
        }
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.seal(said)}

    def _is_client(self, form: Mapping[str, str], authorization: str) -> bool:
        """Take the proof in the one way that is announced."""
        if self.about.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            proof = (form.get("client_id"), form.get("client_secret"))
        else:
            pair = base64.b64decode(authorization.removeprefix("Basic ")).decode()
            proof = tuple(map(unquote_plus, pair.split(":")))
        return proof == (CLIENT_ID, CLIENT_SECRET)


def _fits(asked: Mapping[str, str], form: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    return (
        asked["code_challenge_method"] == "S256"
        and asked["code_challenge"] == base64url(digest)
        and form.get("redirect_uri") == asked["redirect_uri"]
        and form.get("grant_type") == "authorization_code"
    )


def base64url(data: bytes) -> str:
    """Encode as JWS and PKCE want it (RFC 7515, appendix C)."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# ---------------------------------------------------------------- HTTP


class _Handler(BaseHTTPRequestHandler):
    rogue: ClassVar[Rogue]

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(dict(parse_qsl(body)))

    def _answer(self, form: Mapping[str, str]) -> None:
        rogue, path = self.rogue, self.path
        rogue.asked[path] += 1
        if path in rogue.hanging:
            rogue.ended.wait(30)
            return
        if path in rogue.dripping:
            self._drip()
            return
        self._say(rogue.instead.get(path) or self._right(path, form))

    def _right(self, path: str, form: Mapping[str, str]) -> Said:
        status, body = 200, {}
        if path == DISCOVERY:
            body = self.rogue.discovery()
        elif path == "/jwks":
            body = {"keys": self.rogue.keys}
        elif path == "/token":
            status, body = self.rogue.token(form, self.headers.get("Authorization", ""))
        elif path == "/userinfo":
            body = self.rogue.userinfo
            status = 200 if self.headers.get("Authorization") == "Bearer opaque" else 401
        return Said(json.dumps(body).encode(), status)

    def _say(self, said: Said) -> None:
        self.send_response(said.status)
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with suppress(ConnectionError):
            while not self.rogue.ended.wait(0.02):
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep quiet: a test's output is the test's."""


@contextmanager
def rogue_provider() -> Generator[Rogue]:
    """Run one in a thread, on a free port of the loopback."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        rogue = handler.rogue = Rogue(f"http://127.0.0.1:{server.server_port}")
        rogue.behave()
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield rogue
        finally:
            rogue.ended.set()
            server.shutdown()
