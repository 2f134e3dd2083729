"""Forged access tokens: a real one, changed in every way that has opened a door somewhere."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from jwt.algorithms import RSAAlgorithm

from shared.contracts.kit import Api, check, expect

from .forging import (
    DIGESTS,
    a_real_token,
    expect_forged,
    hmac_of,
    public_keys,
    serving,
    signed,
    signed_by_rsa,
    without_alg,
)
from .givens import Fields, Jwt, as_bearer, expect_unauthenticated, from_segment, segment

NO_ALGORITHMS: tuple[Any, ...] = ("none", "None", "NONE", "nOnE", "none ", "", None, False, 0, [])
"""Names of no algorithm; a filter for the first of them lets the others through."""

ALGORITHMS = (
    "HS256",
    "HS384",
    "HS512",
    "RS256",
    "PS256",
    "ES256",
    "ES384",
    "EdDSA",
    "HS1",
    "A128KW",
    "XX256",
)

WEAK_KEYS = (
    "",
    "secret",
    "your-256-bit-secret",
    "your-secret-key",
    "your_jwt_secret",
    "jwt_secret",
    "supersecret",
    "mysecret",
    "secretkey",
    "secret_key",
    "changeme",
    "password",
    "key",
    "jwt",
    "test",
    "dev",
    "development",
    "shop",
    "shop-api",
    "123456",
    "00000000000000000000000000000000",
    "GQDstcKsx0NHjPOuXOYg5MbeJ1XT0uFiwDVvVBrk",
)
"""Keys that stand in tutorials and templates, and so in every list of keys to try."""


@check(
    "P3-FRG-01",
    needs=("P3-TOK-05",),
    hint="Anybody can write such a text. By what do you know that it was you?",
)
def test_a_changed_token_is_refused(anybody: Api) -> None:
    """A token with one claim or one member of its header changed is 401 invalid_token."""
    real = a_real_token(anybody)
    token = real.jwt
    for name, value in (
        ("sub", str(real.victim)),
        ("exp", token.claims["exp"] + 86400),
        ("iat", token.claims["iat"] - 1),
        ("jti", "00000000-0000-4000-8000-000000000000"),
        ("role", "admin"),
        ("aud", "*"),
    ):
        claims = token.claims | {name: value}
        expect_forged(anybody, replace(token, claims=claims).written(), f"another {name}")
    for name, value in (("kid", "another"), ("typ", "JWT"), ("cty", "JWT")):
        header = token.header | {name: value}
        expect_forged(anybody, replace(token, header=header).written(), f"another {name}")

    expect(as_bearer(anybody, real.text).get("/auth/me"), 200)


@check(
    "P3-FRG-02",
    needs=("P3-FRG-01",),
    hint="decode and verify are two functions of your library. Which do you call?",
)
def test_a_stripped_signature_is_refused(anybody: Api) -> None:
    """A token without its signature, with half of it, or with zeros for it, is 401."""
    real = a_real_token(anybody)
    token, length = real.jwt, len(from_segment(real.jwt.signature))
    wanted = replace(token, claims=real.wanted)
    for signature in (
        "",
        token.signature[: len(token.signature) // 2],
        token.signature[::-1],
        segment(bytes(length)),
        segment(b"\x30\x06\x02\x01\x00\x02\x01\x00"),  # zeros in DER: CVE-2022-21449
        segment(secrets.token_bytes(length)),
    ):
        expect_forged(anybody, replace(wanted, signature=signature).written(), "no signature")
        if signature:
            expect_forged(anybody, replace(token, signature=signature).written(), "another one")
    expect_forged(anybody, wanted.written().rpartition(".")[0], "no third part")
    expect_forged(anybody, real.text.rpartition(".")[0], "no third part")


@check(
    "P3-FRG-03",
    needs=("P3-FRG-01",),
    hint="The header says how the token is to be checked. And who wrote the header?",
)
def test_no_algorithm_is_refused(anybody: Api) -> None:
    """A token whose alg is none, in any spelling, or is missing, is 401, signed or not."""
    real = a_real_token(anybody)
    headers: list[Fields] = [real.jwt.header | {"alg": alg} for alg in NO_ALGORITHMS]
    headers += [without_alg(real.jwt.header), {"alg": "none"}]
    for header in headers:
        for signature in ("", real.jwt.signature, "x"):
            forged = Jwt(header, real.wanted, signature).written()
            expect_forged(anybody, forged, f"alg {header.get('alg')!r}")
    twice = json.dumps(real.jwt.header).replace("{", '{"alg":"none",', 1).encode()
    expect_forged(anybody, f"{segment(twice)}.{segment(real.wanted)}.", "two alg")


@check(
    "P3-FRG-04",
    needs=("P3-FRG-03",),
    hint="How many algorithms do you sign with, and how many do you accept?",
)
def test_another_algorithm_is_refused(anybody: Api) -> None:
    """A token with the name of any other algorithm in its header is 401."""
    real = a_real_token(anybody)
    for algorithm in ALGORITHMS:
        if algorithm != real.jwt.header["alg"]:
            header = real.jwt.header | {"alg": algorithm}
            for claims in (real.jwt.claims, real.wanted):
                forged = Jwt(header, claims, real.jwt.signature).written()
                expect_forged(anybody, forged, f"alg {algorithm}")


@check(
    "P3-FRG-05",
    needs=("P3-FRG-04",),
    hint="One key signs and another one verifies, or the same does both: that depends on the "
    "algorithm. What does a public key become if the header may choose?",
)
def test_no_public_word_is_a_key(anybody: Api) -> None:
    """A token signed by HMAC with whatever is publicly known of the server is 401."""
    real = a_real_token(anybody)
    known = {str(value).encode() for value in (*real.jwt.header.values(), *real.wanted.values())}
    for key in sorted({b"", b"\0", b"None", b"null", *known, *public_keys(anybody)}):
        for algorithm in DIGESTS:
            header = real.jwt.header | {"alg": algorithm}
            expect_forged(anybody, signed(header, real.wanted, key), f"signed with {key[:40]}")


@check(
    "P3-FRG-06",
    needs=("P3-TOK-01",),
    hint="Whoever has one token can try keys at home, millions a second.",
)
def test_the_key_cannot_be_guessed(anybody: Api) -> None:
    """No key of the common lists makes the signature of a real token."""
    real = a_real_token(anybody)
    algorithm, (message, _, signature) = real.jwt.header["alg"], real.text.rpartition(".")
    if algorithm in DIGESTS:
        for key in (*WEAK_KEYS, *map(str, real.jwt.claims.values())):
            found = hmac_of(algorithm, message, key.encode()) == signature
            assert not found, f"the key is {key!r}, so anybody can be anybody"


@check(
    "P3-FRG-07",
    needs=("P3-FRG-03",),
    hint="kid is text from a stranger: a file name, a query, a word of a dictionary?",
)
def test_the_name_of_a_key_is_only_looked_up(anybody: Api) -> None:
    """A token whose kid is a path, a query or no text, signed with what that may yield, is 401."""
    real = a_real_token(anybody)
    kids: tuple[Any, ...] = (
        "../../../../../../../dev/null",
        "/dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "x' UNION SELECT 'key' -- ",
        "' OR '1'='1",
        "|echo key",
        "__proto__",
        "constructor",
        "",
        None,
        0,
        [],
        {},
        "\0",
        "x" * 1000,
    )
    for kid in kids:
        header = real.jwt.header | {"kid": kid, "alg": "HS256"}
        for key in (b"", b"key", b"2\n", b"\0"):
            expect_forged(anybody, signed(header, real.wanted, key), f"kid {kid!r:.40}")
    for kid in kids:
        header = real.jwt.header | {"kid": kid}
        forged = Jwt(header, real.jwt.claims, real.jwt.signature).written()
        expect_forged(anybody, forged, f"kid {kid!r:.40}")


@check(
    "P3-FRG-08",
    needs=("P3-FRG-04",),
    hint="The token brings the key along to check it with. How kind of it.",
)
def test_a_token_brings_no_key_along(anybody: Api) -> None:
    """A token signed with a key that stands in its own header, or where that points to, is 401."""
    real = a_real_token(anybody)
    key = generate_private_key(65537, 2048)
    public: Fields = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    kid = str(real.jwt.header.get("kid"))
    published = {**public, "kid": kid, "use": "sig", "alg": "RS256"}
    symmetric = {"kty": "oct", "k": segment(b"k" * 32), "kid": kid}
    with serving({"keys": [published]}) as url:
        for extra in (
            {"jwk": published},
            {"jku": url},
            {"x5u": url},
            {"jku": url, "kid": url},
            {"iss": url},
        ):
            forged = signed_by_rsa(real.jwt.header | extra, real.wanted, key)
            expect_forged(anybody, forged, f"signed with its own {next(iter(extra))}")
    header = real.jwt.header | {"alg": "HS256", "jwk": symmetric}
    expect_forged(anybody, signed(header, real.wanted, b"k" * 32), "signed with its own jwk")


@check(
    "P3-FRG-09",
    needs=("P3-FRG-01",),
    hint="What would a forger learn from the difference?",
)
def test_every_bad_token_is_answered_alike(anybody: Api) -> None:
    """Changed, unsigned, of another key or algorithm, or no token at all: the very same 401."""
    real = a_real_token(anybody)
    token = real.jwt
    bodies = {
        expect_unauthenticated(as_bearer(anybody, bad).get("/auth/me"), "invalid_token").body
        for bad in (
            replace(token, claims=real.wanted).written(),
            replace(token, claims=token.claims | {"exp": 1}).written(),
            replace(token, claims={}).written(),
            replace(token, header=token.header | {"alg": "none"}, signature="").written(),
            replace(token, header=token.header | {"kid": "another"}).written(),
            replace(token, header={}).written(),
            replace(token, signature="").written(),
            "x.y.z",
            "x",
        )
    }

    assert len(bodies) == 1, f"they are told apart: {bodies}"
