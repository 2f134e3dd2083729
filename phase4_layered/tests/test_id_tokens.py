"""ID tokens that were forged, or made for something else: the service refuses each of them."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.openid import come_back, cookie_header, cookies_of

from .rogue import (
    CLIENT_ID,
    CLIENT_SECRET,
    EC,
    OTHER_RSA,
    RSA,
    base64url,
    public_key,
    rogue_provider,
    settings_for,
    signed,
    signed_hs256,
    signed_weakly,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .rogue import Claims, Rogue

SESSION = "__Host-session"
DETAIL = "The login provider did not vouch for you. Begin the login again."
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def one_rogue() -> Iterator[Rogue]:
    """Run the provider that lies."""
    with rogue_provider() as rogue:
        yield rogue


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, one_rogue: Rogue) -> Server:
    """Serve the shop as its client."""
    return serve(env={"DATABASE_URL": database_url, **settings_for(one_rogue.issuer)})


@pytest.fixture
def http(stranger: httpx.Client) -> httpx.Client:
    """Come as a browser does that nobody has logged in."""
    return stranger


@dataclass(frozen=True)
class Trial:
    """A shop, its provider, and somebody whom the shop does not know."""

    http: httpx.Client
    rogue: Rogue
    server: Server
    db: psycopg.Connection[Any]
    somebody: Claims

    def enter(self, **claims: object) -> httpx.Response:
        """Let them log in; the claims go over theirs."""
        return self.rogue.enter(self.http, **self.somebody | claims)

    @contextmanager
    def expects_refusal(self, why: str) -> Generator[list[httpx.Response]]:
        """Check that nobody gets in, that only the log tells why, and that nothing is written."""
        before, since = self.written(), self.server.log_path.stat().st_size
        answers: list[httpx.Response] = []
        yield answers
        (answer,) = answers
        assert (answer.status_code, answer.json()["code"]) == (401, "login_refused")
        assert SESSION not in cookies_of(answer)
        assert answer.json()["detail"] == DETAIL
        assert f"oauth.refused why={why}\n" in self.server.log(since)
        assert self.written() == before

    def written(self) -> list[Any]:
        """Count what a login adds."""
        query = """
            SELECT (SELECT count(*) FROM users) AS users,
                   (SELECT count(*) FROM identities) AS identities,
                   (SELECT count(*) FROM sessions) AS sessions
            """
        return self.db.execute(query).fetchall()


@pytest.fixture
def trial(
    http: httpx.Client, one_rogue: Rogue, server: Server, database_url: str
) -> Iterator[Trial]:
    """Begin with a provider that behaves."""
    one_rogue.behave()
    sub = f"sub-{secrets.token_hex(8)}"
    claims = {"sub": sub, "email": f"{sub}@example.com", "email_verified": True}
    with psycopg.connect(database_url, autocommit=True) as db:
        yield Trial(http, one_rogue, server, db, claims)


# ---------------------------------------------------------------- signatures

FORGERIES: dict[str, Callable[[Claims], str]] = {
    "by another key": lambda claims: signed(claims, OTHER_RSA),
    "by another key of a name that nobody has": lambda claims: signed(claims, OTHER_RSA, kid="x"),
    "by another key, unnamed": lambda claims: jwt.encode(claims, OTHER_RSA, "RS256"),
    "by a key that it brings along": lambda claims: signed(
        claims, OTHER_RSA, jwk=public_key(OTHER_RSA), jku="https://evil.example/jwks"
    ),
    "by a key that is for encryption": lambda claims: signed(
        claims, OTHER_RSA, kid="for-encryption"
    ),
    "by a key that is too short": signed_weakly,
    "by the key of another kind": lambda claims: signed(claims, EC, "ES256"),
    "in a way the provider does not announce": lambda claims: signed(claims, RSA, "RS512"),
    "with none": lambda claims: jwt.encode(claims, "", "none", {"kid": "rsa"}),
    "with None": lambda claims: relabelled(jwt.encode(claims, "", "none"), alg="None"),
    "with HS256 and the public key": lambda claims: signed_hs256(claims, PEM),
    "with HS256 and the public key as JSON": lambda claims: signed_hs256(
        claims, json.dumps(public_key(RSA, kid="rsa", use="sig")).encode()
    ),
    "with HS256 and our client secret": lambda claims: signed_hs256(claims, CLIENT_SECRET.encode()),
    "with HS256 and nothing": lambda claims: signed_hs256(claims, b""),
    "not at all": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "for other claims": lambda claims: swapped(signed(claims), signed({**claims, "sub": "root"})),
    "with an extension that we must know": lambda claims: signed(claims, crit=["exp"], exp=1),
    "with no header": lambda claims: "e30" + signed(claims)[signed(claims).index(".") :],
    "with a header that is a list": lambda claims: "W10" + signed(claims)[5:],
    "as nothing": lambda _: "",
    "as two parts": lambda claims: signed(claims).rpartition(".")[0],
    "as words": lambda _: "not.a.token",
}


def relabelled(token: str, **header: str) -> str:
    head = base64url(json.dumps(header).encode())
    return head + token[token.index(".") :]


def swapped(token: str, other: str) -> str:
    head, _, signature = token.split(".")
    return ".".join((head, other.split(".")[1], signature))


@pytest.mark.parametrize("seal", FORGERIES.values(), ids=FORGERIES)
def test_a_token_that_the_provider_has_not_signed_is_refused(
    seal: Callable[[Claims], str], trial: Trial
) -> None:
    trial.rogue.seal = seal

    with trial.expects_refusal("signature") as answers:
        answers.append(trial.enter())


WAYS: dict[str, Callable[[Claims], str]] = {
    "on an elliptic curve": lambda claims: signed(claims, EC, "ES256", kid="ec"),
    "with PSS": lambda claims: signed(claims, RSA, "PS256"),
    "unnamed": lambda claims: jwt.encode(claims, RSA, "RS256"),
    "unnamed, on a curve": lambda claims: jwt.encode(claims, EC, "ES256"),
}


@pytest.mark.parametrize("seal", WAYS.values(), ids=WAYS)
def test_every_way_to_sign_that_the_provider_announces_counts(
    seal: Callable[[Claims], str], trial: Trial
) -> None:
    trial.rogue.seal = seal

    assert trial.enter().status_code == 303


# ---------------------------------------------------------------- claims


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


OTHERS_CLAIMS: dict[str, tuple[str, Claims]] = {
    "of another issuer": ("issuer", {"iss": "https://evil.example"}),
    "for another client": ("audience", {"aud": "other-client"}),
    "for other clients": ("audience", {"aud": ["other-client", "third-client"]}),
    "for nobody": ("audience", {"aud": []}),
    "for several and not said for whom": ("authorized_party", {"aud": [CLIENT_ID, "other"]}),
    "for us, made for another": ("authorized_party", {"azp": "other-client"}),
    "for several, made for another": (
        "authorized_party",
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
    ),
    "expired": ("expired", {"exp": seconds(-61)}),
    "issued in the future": ("not_issued_yet", {"iat": seconds(90), "exp": seconds(900)}),
    "for another login": ("nonce", {"nonce": "other"}),
    "for a login in other letters": ("nonce", {"nonce": "ä"}),
}
NO_CLAIMS: dict[str, Claims] = {
    **{f"without {name}": {name: None} for name in ("iss", "aud", "sub", "exp", "iat", "nonce")},
    "of nobody": {"sub": ""},
    "of a number": {"sub": 1},
    "of somebody with a long name": {"sub": "x" * 256},
    "of somebody with a name of other letters": {"sub": "ä"},
    "of somebody with an invisible name": {"sub": "a\0b"},
    "that expires in words": {"exp": "tomorrow"},
    "that expires in digits": {"exp": "4102444800"},
    "that never expires": {"exp": float("inf")},
    "that expires at no time": {"exp": float("nan")},
    "that expires at true": {"exp": True},
    "for a number": {"aud": 1},
    "for somebody and a number": {"aud": [CLIENT_ID, 1]},
    "with a list for a nonce": {"nonce": ["x"]},
}
WRONG = OTHERS_CLAIMS | {what: ("claims", claims) for what, claims in NO_CLAIMS.items()}


@pytest.mark.parametrize(("why", "claims"), WRONG.values(), ids=WRONG)
def test_a_genuine_token_that_is_not_for_this_login_is_refused(
    why: str, claims: Claims, trial: Trial
) -> None:
    with trial.expects_refusal(why) as answers:
        answers.append(trial.enter(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT_ID]},
        {"azp": CLIENT_ID},
        {"aud": ["other", CLIENT_ID], "azp": CLIENT_ID},
        {"exp": seconds(-30), "iat": seconds(-330)},
        {"iat": seconds(30)},
        {"exp": seconds(300.5)},
        {"acr": "0", "groups": ["admin"], "role": "admin", "address": {}},
    ],
)
def test_a_token_may_say_more_and_clocks_may_differ_a_little(claims: Claims, trial: Trial) -> None:
    answer = trial.enter(**claims)

    assert answer.status_code == 303
    cookies = cookie_header(cookies_of(answer))
    assert trial.http.get("/auth/me", headers=cookies).json()["role"] == "user"


# ---------------------------------------------------------------- codes


def test_a_code_without_its_verifier_is_worth_nothing(trial: Trial) -> None:
    started = trial.http.get("/auth/oauth/login")
    callback = trial.rogue.authorize(started.headers["location"], **trial.somebody)
    trial.db.execute("UPDATE oauth_logins SET code_verifier = %s", (secrets.token_urlsafe(48),))

    with trial.expects_refusal("code") as answers:
        answers.append(come_back(trial.http, callback, cookies_of(started)))


def test_a_code_that_was_redeemed_before_is_worth_nothing(trial: Trial) -> None:
    started = trial.http.get("/auth/oauth/login")
    callback = trial.rogue.authorize(started.headers["location"], **trial.somebody)
    trial.rogue.grants.clear()

    with trial.expects_refusal("code") as answers:
        answers.append(come_back(trial.http, callback, cookies_of(started)))
