"""A provider that is away, hangs or talks nonsense; and how often it is asked who it is."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr, ValidationError

from phase4_layered.adapters.provider import MAX_BYTES, Provider
from phase4_layered.controllers.errors import problem_of
from phase4_layered.controllers.oauth import CALLBACK
from phase4_layered.domain.clock import utc_now
from phase4_layered.domain.errors import Unauthenticated, Unavailable
from phase4_layered.settings import Settings
from shared.infra.processes import reserved_port
from shared.openid import come_back, cookies_of

from .rogue import (
    CLIENT_ID,
    CLIENT_SECRET,
    DISCOVERY,
    PUBLIC_URL,
    RSA,
    Said,
    public_key,
    rogue_provider,
    settings_for,
    signed,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from datetime import datetime

    from shared.fixtures import Serve

    from .rogue import Claims, Rogue

T = TypeVar("T")

NONCE, VERIFIER = "nonce-of-a-test", "v" * 64
QUICK = 0.3  # seconds that the service waits for the provider here


@pytest.fixture(scope="module")
def one_rogue() -> Iterator[Rogue]:
    """Run the provider."""
    with rogue_provider() as rogue:
        yield rogue


@pytest.fixture
def rogue(one_rogue: Rogue) -> Rogue:
    """Give it as it should be."""
    one_rogue.behave()
    return one_rogue


class Hands:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


def asked(
    issuer: str,
    ask: Callable[[Provider], Awaitable[T]],
    clock: Callable[[], datetime] = utc_now,
    **changed: Any,  # noqa: ANN401 - any setting
) -> T:
    """Ask one question of a provider that nothing is known of yet."""
    settings = Settings.model_validate(configured(issuer) | changed)

    async def conversation() -> T:
        provider = Provider(settings, PUBLIC_URL + CALLBACK, clock)
        try:
            return await ask(provider)
        finally:
            await provider.close()

    return asyncio.run(conversation())


def configured(issuer: str) -> dict[str, object]:
    """Name all settings that a service with a provider needs."""
    return {
        "database_url": "postgresql://nobody@127.0.0.1/none",
        "jwt_keys": {"one": "r4nd0m-0123456789-abcdefghijklmnop"},
        "password_pepper": "r4nd0m-9876543210-abcdefghijklmnop",
        "public_url": PUBLIC_URL,
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": SecretStr(CLIENT_SECRET),
        "oidc_timeout": QUICK,
    }


async def begin(provider: Provider) -> str:
    """Ask where to send a browser."""
    return await provider.authorization_url("state", NONCE, VERIFIER)


def logging_in(rogue: Rogue, **claims: object) -> Callable[[Provider], Awaitable[str]]:
    """Ask for a whole login; it gives the subject."""

    async def ask(provider: Provider) -> str:
        callback = rogue.authorize(await begin(provider), **claims)
        code = httpx.URL(callback).params["code"]
        return (await provider.redeem(code, NONCE, VERIFIER)).sub

    return ask


def expect_unavailable(answer: pytest.ExceptionInfo[Unavailable]) -> None:
    problem = problem_of(answer.value)
    assert (problem.status_code, problem.code) == (503, "provider_unavailable")
    assert int((problem.headers or {})["Retry-After"]) > 0


# ---------------------------------------------------------------- nonsense

PLACES = (DISCOVERY, "/jwks", "/token")
NONSENSE: dict[str, Said] = {
    "nothing": Said(),
    "no JSON": Said(b"<html>Welcome!</html>"),
    "a list": Said(b"[]"),
    "null": Said(b"null"),
    "too deep": Said(b"[" * 100_000),
    "not UTF-8": Said(b'{"issuer": "\xff"}'),
    "other types": Said(json.dumps({"issuer": 1, "keys": {}, "id_token": []}).encode()),
    "an error": Said(b"{}", 500),
    "an error in words": Said(b"Bad Gateway", 502),
    "a redirect": Said(b"{}", 302, {"Location": "/elsewhere"}),
    "404": Said(b"{}", 404),
    "400 and no reason": Said(b"{}", 400),
    "a headline of another protocol": Said(b"", 0),
}


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_the_providers_trouble(rogue: Rogue, path: str, said: Said) -> None:
    rogue.instead[path] = said

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, logging_in(rogue))

    expect_unavailable(answer)
    assert "/elsewhere" not in rogue.asked


def test_more_than_makes_sense_is_not_read(rogue: Rogue) -> None:
    right = json.dumps(rogue.discovery()).encode()
    rogue.instead[DISCOVERY] = Said(right.ljust(MAX_BYTES))
    assert asked(rogue.issuer, begin)
    rogue.instead[DISCOVERY] = Said(right.ljust(MAX_BYTES + 1))

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, begin)

    expect_unavailable(answer)


def test_what_unfolds_to_more_than_makes_sense_is_not_unfolded(rogue: Rogue) -> None:
    packed = gzip.compress(json.dumps(rogue.discovery()).encode())
    rogue.instead[DISCOVERY] = Said(packed, headers={"Content-Encoding": "gzip"})

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, begin)

    expect_unavailable(answer)


@pytest.mark.parametrize("path", PLACES)
def test_a_provider_that_hangs_is_not_waited_for(rogue: Rogue, path: str) -> None:
    rogue.hanging.add(path)

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, logging_in(rogue))

    expect_unavailable(answer)


@pytest.mark.parametrize("path", PLACES)
def test_a_byte_now_and_then_is_no_progress(rogue: Rogue, path: str) -> None:
    rogue.dripping.add(path)

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, logging_in(rogue))

    expect_unavailable(answer)


def test_a_provider_that_is_not_there_is_not_waited_for() -> None:
    reservation, port = reserved_port()
    with reservation, pytest.raises(Unavailable) as answer:
        asked(f"http://127.0.0.1:{port}", begin)

    expect_unavailable(answer)


# ---------------------------------------------------------------- who it says it is


@pytest.mark.parametrize("letters", ["{}/", "{}#", "https://evil.example", "", "{}/tenant"])
def test_a_document_of_another_issuer_is_not_believed(rogue: Rogue, letters: str) -> None:
    rogue.about["issuer"] = letters.format(rogue.issuer)

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, begin)

    expect_unavailable(answer)
    assert not rogue.asked["/jwks"]


@pytest.mark.parametrize(
    "part", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"]
)
@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/x",
        "http://127.0.0.1.evil.example/x",
        "http://localhost@evil.example/x",
        "//evil.example/x",
        "/x",
        "",
        "ftp://127.0.0.1/x",
        "javascript:alert(1)",
        "data:application/json,{}",
        "file:///etc/passwd",
        "https://evil.example/\r\nSet-Cookie: a=b",
        "https://ev\u0131l.example/",
    ],
)
def test_an_address_that_others_could_listen_at_is_not_visited(
    rogue: Rogue, part: str, address: str
) -> None:
    rogue.about[part] = address

    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, begin)

    expect_unavailable(answer)
    assert set(rogue.asked) == {DISCOVERY}


def test_the_address_of_a_provider_may_have_a_query_of_its_own(rogue: Rogue) -> None:
    rogue.about["authorization_endpoint"] = f"{rogue.issuer}/authorize?tenant=1"

    url = httpx.URL(asked(rogue.issuer, begin))

    assert url.params["tenant"] == "1"
    assert url.params["redirect_uri"] == f"{PUBLIC_URL}/auth/oauth/callback"


@pytest.mark.parametrize("promised", [True, False])
@pytest.mark.parametrize("iss", [None, "right", "https://evil.example", ""])
def test_a_browser_has_to_say_where_it_comes_from_if_the_provider_promised_that(
    rogue: Rogue, *, promised: bool, iss: str | None
) -> None:
    rogue.about["authorization_response_iss_parameter_supported"] = promised
    given = rogue.issuer if iss == "right" else iss

    if iss == "right" or (iss is None and not promised):
        asked(rogue.issuer, lambda provider: provider.check_issuer(given))
        return
    with pytest.raises(Unauthenticated) as answer:
        asked(rogue.issuer, lambda provider: provider.check_issuer(given))
    problem = problem_of(answer.value)
    assert (problem.status_code, problem.code) == (401, "login_refused")


def test_a_client_proves_who_it_is_in_the_way_the_provider_wants(rogue: Rogue) -> None:
    rogue.about["token_endpoint_auth_methods_supported"] = ["client_secret_post"]

    assert asked(rogue.issuer, logging_in(rogue, sub="ada")) == "ada"


def test_a_client_with_another_secret_is_our_trouble(rogue: Rogue) -> None:
    with pytest.raises(Unavailable) as answer:
        asked(rogue.issuer, logging_in(rogue), oidc_client_secret=SecretStr("other"))

    expect_unavailable(answer)


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.org",
        "http://127.0.0.1.example.org",
        "http://127.0.0.1@example.org",
        "login.example.org",
        "//login.example.org",
        "https://",
        "https://login.example.org?tenant=1",
        "https://login.example.org#x",
        "https://login.example.org\n",
        "ftp://127.0.0.1",
    ],
)
def test_a_provider_that_others_could_pose_as_stops_the_service(issuer: str) -> None:
    with pytest.raises(ValidationError, match="must look like https://"):
        Settings.model_validate(configured(issuer))


def test_a_provider_that_does_not_know_us_stops_the_service() -> None:
    with pytest.raises(ValidationError, match="must be set, because OIDC_ISSUER is"):
        Settings.model_validate(configured("https://login.example.org") | {"oidc_client_id": ""})


# ---------------------------------------------------------------- how often it is asked


def test_the_provider_is_asked_once_for_many_logins_at_once(rogue: Rogue) -> None:
    async def ask(provider: Provider) -> int:
        return len(await asyncio.gather(*(begin(provider) for _ in range(20))))

    assert asked(rogue.issuer, ask) == 20

    assert rogue.asked == {DISCOVERY: 1, "/jwks": 1}


def test_many_who_wait_for_a_provider_that_hangs_are_told_together(rogue: Rogue) -> None:
    rogue.hanging.add(DISCOVERY)

    async def ask(provider: Provider) -> list[str | BaseException]:
        waiting = (begin(provider) for _ in range(20))
        return await asyncio.gather(*waiting, return_exceptions=True)

    answers = asked(rogue.issuer, ask)

    assert [type(each) for each in answers] == [Unavailable] * 20
    assert rogue.asked == {DISCOVERY: 1}


def test_one_who_leaves_takes_the_answer_of_nobody_along(rogue: Rogue) -> None:
    async def ask(provider: Provider) -> str:
        impatient, patient = (asyncio.create_task(begin(provider)) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asked(rogue.issuer, ask).startswith(rogue.issuer)


def test_what_the_provider_says_of_itself_is_believed_for_an_hour(rogue: Rogue) -> None:
    clock, counts = Hands(), list[int]()

    async def ask(provider: Provider) -> None:
        for minutes in (0, 59, 2):
            clock.now += timedelta(minutes=minutes)
            await begin(provider)
            counts.append(rogue.asked[DISCOVERY])

    asked(rogue.issuer, ask, clock)

    assert counts == [1, 1, 2]


def test_a_provider_that_was_away_is_asked_again(rogue: Rogue) -> None:
    async def ask(provider: Provider) -> str:
        rogue.instead[DISCOVERY] = Said(b"", 503)
        with pytest.raises(Unavailable):
            await begin(provider)
        rogue.instead.clear()
        return await begin(provider)

    assert asked(rogue.issuer, ask).startswith(rogue.issuer)


def test_new_keys_are_looked_for_when_a_signature_is_strange_but_once_a_minute(
    rogue: Rogue,
) -> None:
    clock, counts = Hands(), list[int]()
    new = rsa.generate_private_key(65537, 2048)

    def sealed(claims: Claims) -> str:
        return signed(claims, new, kid="new")

    async def ask(provider: Provider) -> None:
        log_in = logging_in(rogue)
        await log_in(provider)
        rogue.keys, rogue.seal = [public_key(RSA, kid="rsa"), public_key(new, kid="new")], sealed
        await log_in(provider)
        counts.append(rogue.asked["/jwks"])
        rogue.keys = []
        rogue.seal = lambda claims: signed(claims, new, kid="unknown")
        for seconds in (0, 59, 2, 0):
            clock.now += timedelta(seconds=seconds)
            with pytest.raises(Unauthenticated) as answer:
                await log_in(provider)
            assert answer.value.code == "login_refused"
            counts.append(rogue.asked["/jwks"])

    asked(rogue.issuer, ask, clock)

    assert counts == [2, 2, 2, 3, 3]


def test_one_key_may_take_the_place_of_another_under_its_name(rogue: Rogue) -> None:
    new = rsa.generate_private_key(65537, 2048)

    async def ask(provider: Provider) -> str:
        log_in = logging_in(rogue, sub="ada")
        await log_in(provider)
        rogue.keys, rogue.seal = [public_key(new, kid="rsa")], lambda claims: signed(claims, new)
        return await log_in(provider)

    assert asked(rogue.issuer, ask) == "ada"


# ---------------------------------------------------------------- the whole service


def test_while_the_provider_is_away_a_login_can_be_tried_again_and_all_else_goes_on(
    serve: Serve, database_url: str, rogue: Rogue
) -> None:
    settings = settings_for(rogue.issuer) | {"OIDC_TIMEOUT": str(QUICK)}
    server = serve(env={"DATABASE_URL": database_url, **settings})
    with httpx.Client(base_url=server.url) as http:
        rogue.hanging.add(DISCOVERY)
        before = http.get("/auth/oauth/login")
        rogue.hanging.clear()
        started = http.get("/auth/oauth/login")
        callback = rogue.authorize(started.headers["location"])
        rogue.instead["/token"] = Said(b"", 503)
        after = come_back(http, callback, cookies_of(started))
        ready = http.get("/readyz")

    for answer in (before, after):
        assert (answer.status_code, answer.json()["code"]) == (503, "provider_unavailable")
        assert answer.headers["retry-after"] == "5"
        assert not cookies_of(answer)
    assert ready.status_code == 200
    assert "http.crash" not in server.log()
