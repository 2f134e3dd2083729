"""The OpenID provider: where it is and which keys it has, and the exchange of a code for a person.

OpenID Connect Core 1.0 and Discovery 1.0, RFC 9700 (what OAuth 2 has learnt from attacks).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address
from typing import TypeVar

import httpx
from pydantic import BaseModel, ConfigDict

from ..domain.clock import Clock
from ..domain.errors import Unavailable
from ..domain.logins import LoginRefused, Profile
from ..settings import Settings
from .id_tokens import Expected, IdToken, Key, opened, read_claims
from .oauth_requests import Client, authorization_url, token_request

log = logging.getLogger(__name__)

TRUSTED_FOR = timedelta(hours=1)  # how long what the provider said of itself is not asked again
LOOK_AGAIN_AFTER = timedelta(minutes=1)  # how often a strange signature may make us ask early
MAX_BYTES = 200_000  # of an answer; real ones have a tenth of it
REFUSALS = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED}  # of a token request, with a reason

Model = TypeVar("Model", bound=BaseModel)


def unavailable(why: str) -> Unavailable:
    """Say that the provider is away, slow, or talks nonsense; a later login may succeed."""
    log.warning("oauth.provider_unavailable why=%s", why)
    detail = "The login provider cannot be reached. Try again."
    return Unavailable("provider_unavailable", detail, retry_after=5)


# ---------------------------------------------------------------- what it says


class Said(BaseModel):
    """Something the provider said: of the right types, with whatever else it cares to add."""

    model_config = ConfigDict(strict=True, frozen=True)


class Discovery(Said):
    """Where the provider's parts are, and what it can do (Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    def addresses(self) -> list[str]:
        """List whatever of it is going to be visited."""
        visited = [self.authorization_endpoint, self.token_endpoint, self.jwks_uri]
        return visited if self.userinfo_endpoint is None else [*visited, self.userinfo_endpoint]


class KeySet(Said):
    """The provider's public keys (RFC 7517)."""

    keys: list[Key]


class Tokens(Said):
    """What a code is exchanged for (Core 1.0, 3.1.3.3)."""

    id_token: str
    access_token: str


class TokenError(Said):
    """Why it isn't (RFC 6749, 5.2)."""

    error: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the provider has said of itself, and until when that is believed."""

    about: Discovery
    keys: list[Key]
    until: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    body: bytes

    def read_as(self, model: type[Model]) -> Model:
        """Read a success as JSON of the model's shape; anything else is a ValueError."""
        if self.status != HTTPStatus.OK:
            raise ValueError
        return model.model_validate_json(self.body)


# ---------------------------------------------------------------- the conversation


class Provider:
    """The provider that OIDC_ISSUER names; one for the whole application."""

    def __init__(self, settings: Settings, redirect_uri: str, clock: Clock) -> None:
        self.issuer = settings.oidc_issuer
        self._client = Client(
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
            redirect_uri,
        )
        self._patience = settings.oidc_timeout
        self._clock = clock
        self._known: Known | None = None
        self._fetching: asyncio.Task[Known] | None = None
        self._looked_again: datetime | None = None
        self._http = httpx.AsyncClient(
            # For each step. `asyncio.timeout` bounds them all: a byte now and then is no progress.
            timeout=self._patience,
            # No answer may send us, and our secret, anywhere else.
            follow_redirects=False,
            # A proxy on the way to the internet cannot reach this machine.
            trust_env=not on_this_machine(self.issuer),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # As they are: 200 kB can be packed so that 200 MB come out.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Hang up."""
        if self._fetching is not None:
            self._fetching.cancel()
        await self._http.aclose()

    async def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Make the address that a browser is sent to."""
        endpoint = (await self._ask_who_it_is()).about.authorization_endpoint
        return authorization_url(endpoint, self._client, state, nonce, verifier)

    async def check_issuer(self, iss: str | None) -> None:
        """Refuse a browser that says it comes from another provider (RFC 9207, against mix-ups)."""
        about = (await self._ask_who_it_is()).about
        if iss is None and not about.authorization_response_iss_parameter_supported:
            return
        if iss != self.issuer:
            raise LoginRefused("issuer_of_the_answer")

    async def redeem(self, code: str, nonce: str, verifier: str) -> Profile:
        """Exchange a code for what the provider says of the person who logged in."""
        async with self._patiently():
            tokens = await self._exchange(code, verifier)
            claims = await self._read_id_token(tokens.id_token, nonce)
            # A provider may keep the e-mail for whoever asks with the access token (Core, 5.4).
            if claims.email is None:
                return await self._ask_about(claims, tokens.access_token)
            return claims

    # ------------------------------------------------------------ who it is

    async def _ask_who_it_is(self) -> Known:
        if self._known is None or self._known.until <= self._clock():
            return await self._ask_again()
        return self._known

    async def _ask_again(self) -> Known:
        """Ask once for all who want to know at this moment, so that they fail together, too."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._introduce())
            self._fetching.add_done_callback(self._introduced)
        # Shielded: a request that is cancelled must not take the answer of the others with it.
        return await asyncio.shield(self._fetching)

    def _introduced(self, fetching: asyncio.Task[Known]) -> None:
        self._fetching = None
        # An error is looked at even if everybody who has asked is gone; asyncio insists on it.
        if not fetching.cancelled() and not fetching.exception():
            self._known = fetching.result()

    async def _introduce(self) -> Known:
        until = self._clock() + TRUSTED_FOR
        async with self._patiently():
            place = self.issuer.removesuffix("/") + "/.well-known/openid-configuration"
            about = (await self._send("GET", place)).read_as(Discovery)
            # Letter by letter (Discovery, 4.3), or one provider could pass for another.
            if about.issuer != self.issuer:
                raise unavailable("other_issuer")
            if not all(self._may_be_visited(address) for address in about.addresses()):
                raise unavailable("insecure_address")
            keys = (await self._send("GET", about.jwks_uri)).read_as(KeySet).keys
        return Known(about, keys, until)

    def _may_be_visited(self, address: str) -> bool:
        """Want https. A provider on this machine may do without: there is nobody in between."""
        if not (address.isascii() and address.isprintable()):
            return False  # one of them becomes a header
        if on_this_machine(self.issuer) and on_this_machine(address):
            return True
        return address.startswith("https://")

    # ------------------------------------------------------------ who the person is

    async def _exchange(self, code: str, verifier: str) -> Tokens:
        about = (await self._ask_who_it_is()).about
        methods = about.token_endpoint_auth_methods_supported
        headers, body = token_request(self._client, methods, code, verifier)
        answer = await self._send("POST", about.token_endpoint, headers, body)
        if answer.status in REFUSALS:
            error = TokenError.model_validate_json(answer.body).error
            # The code was redeemed before, is too old, or was not made for our verifier.
            raise (
                LoginRefused("code") if error == "invalid_grant" else unavailable("request_refused")
            )
        return answer.read_as(Tokens)

    async def _read_id_token(self, token: str, nonce: str) -> IdToken:
        payload = self._opened(token, await self._ask_who_it_is())
        if payload is None and self._may_look_again():
            # The provider may have other keys by now than when we asked.
            payload = self._opened(token, await self._ask_again())
        if payload is None:
            raise LoginRefused("signature")
        expected = Expected(self.issuer, self._client.id, nonce)
        return read_claims(payload, expected, self._clock())

    def _opened(self, token: str, known: Known) -> bytes | None:
        return opened(token, known.keys, known.about.id_token_signing_alg_values_supported)

    def _may_look_again(self) -> bool:
        now = self._clock()
        if self._looked_again is not None and now < self._looked_again + LOOK_AGAIN_AFTER:
            return False
        self._looked_again = now
        return True

    async def _ask_about(self, claims: IdToken, access_token: str) -> Profile:
        address = (await self._ask_who_it_is()).about.userinfo_endpoint
        if address is None:
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        profile = (await self._send("GET", address, headers)).read_as(Profile)
        # An access token doesn't say whose it is: it could be another person's (Core, 5.3.2).
        if profile.sub != claims.sub:
            raise LoginRefused("other_subject")
        return profile

    # ------------------------------------------------------------ HTTP

    @asynccontextmanager
    async def _patiently(self) -> AsyncGenerator[None]:
        """Make one kind of trouble of answers that are late, broken or nonsense."""
        try:
            async with asyncio.timeout(self._patience):
                yield
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            raise unavailable(type(error).__name__) from error

    async def _send(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        asking = self._http.stream(method, address, headers=headers, content=body)
        async with asking as answer:
            return Answer(answer.status_code, await read_some(answer))


async def read_some(answer: httpx.Response) -> bytes:
    """Read a body, up to the most that makes sense."""
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MAX_BYTES:
            raise ValueError
    return bytes(body)


def on_this_machine(address: str) -> bool:
    """Tell whether an http address is one of the loopback interface."""
    try:
        url = httpx.URL(address)
        host = url.host
        return url.scheme == "http" and (host == "localhost" or ip_address(host).is_loopback)
    except (httpx.InvalidURL, ValueError):
        return False
