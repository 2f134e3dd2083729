"""Tokens that nobody has signed, or somebody else, or that are no tokens at all.

Of Wycheproof's JWS vectors the groups hs256 (1-17) and base64 (357-377) are here, written for our
tokens. The others have nothing to try: there is no RSA and no EC key here that a signature could be
made for (18-356, 378-401; a token that claims one is in test_forged_headers.py). Where Wycheproof
lets a library be lenient (372, 373, 376, 377: odd characters, white space in the header), we are
not: a header that we would not have written is not ours.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from .forging import base64url, decoded, each, mac, signed, signed_text, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from .forging import Forgery, Loot, Refused
    from .people import Person

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def put_at(text: str, place: int, what: str) -> str:
    """Put something into a text."""
    return text[:place] + what + text[place:]


def in_part(number: int, change: Callable[[str], str]) -> Forgery:
    """Change a part of a genuine token: header (0), payload (1) or signature (2)."""

    def forge(loot: Loot) -> str:
        parts = loot.parts
        parts[number] = change(parts[number])
        return ".".join(parts)

    return forge


def around(payload: bytes) -> Forgery:
    """Sign rightly what no payload should be."""
    return lambda loot: signed_text(f"{loot.parts[0]}.{base64url(payload)}", loot.key)


def flip_bit(text: str) -> str:
    """Change a single bit, the very first."""
    data = decoded(text)
    return base64url(bytes([data[0] ^ 0x80]) + data[1:])


def flip_unused_bit(text: str) -> str:
    """Spell the same bytes another way: of the last character not all bits are used."""
    spare = {0: 0, 2: 4, 3: 2}[len(text) % 4]
    assert spare, "there is no unused bit"
    return text[:-1] + ALPHABET[ALPHABET.index(text[-1]) ^ 1]


def unused_bits_of_payload(loot: Loot) -> str:
    """Spell a payload another way; white space, which is good for nothing, makes room for that."""
    claims = json.dumps(loot.claims)
    claims += " " * (len(claims) % 3 == 0)
    header, payload, signature = around(claims.encode())(loot).split(".")
    return f"{header}.{flip_unused_bit(payload)}.{signature}"


def claim_changed(claim: str) -> Forgery:
    """Change a claim and keep the signature, to see whether it is read before that is checked."""
    return lambda loot: ".".join(
        [loot.parts[0], written({**loot.claims, claim: f"injected-{claim}"}), loot.parts[2]]
    )


UNSIGNED: dict[str, Forgery] = {
    "another's id under one's own signature": lambda loot: ".".join(
        [loot.parts[0], written(loot.desired), loot.parts[2]]
    ),
    "signature empty (null signature)": in_part(2, lambda _: ""),
    "signature of zeros": in_part(2, lambda _: base64url(bytes(32))),
    "signature of ones": in_part(2, lambda _: base64url(b"\xff" * 32)),
    "signature broken off": in_part(2, lambda text: text[:-4]),
    "signature one byte short": in_part(2, lambda text: base64url(decoded(text)[:-1])),
    "signature one byte long": in_part(2, lambda text: base64url(decoded(text) + b"\0")),
    "signature twice": in_part(2, lambda text: text + text),
    "signature as hexadecimal": in_part(2, lambda text: decoded(text).hex()),
    "one bit of the header": in_part(0, flip_bit),
    "one bit of the payload": in_part(1, flip_bit),
    "one bit of the signature": in_part(2, flip_bit),
    **{
        f"claim {claim} changed": claim_changed(claim)
        for claim in ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")
    },
}

SIGNED_BY_OTHERS: dict[str, Forgery] = {
    "blank password": lambda loot: signed(loot.header, loot.desired, b""),
    "a zero byte": lambda loot: signed(loot.header, loot.desired, b"\0"),
    "zeros": lambda loot: signed(loot.header, loot.desired, bytes(32)),
    "the key's name": lambda loot: signed(loot.header, loot.desired, loot.header["kid"].encode()),
    "null": lambda loot: signed(loot.header, loot.desired, b"null"),
    "the header": lambda loot: signed(loot.header, loot.desired, loot.parts[0].encode()),
    "a genuine signature": lambda loot: signed(loot.header, loot.desired, decoded(loot.parts[2])),
    "the key with a line end": lambda loot: signed(loot.header, loot.desired, loot.key + b"\n"),
    "the key in hexadecimal": lambda loot: signed(
        loot.header, loot.desired, loot.key.hex().encode()
    ),
    "half of the key": lambda loot: signed(loot.header, loot.desired, loot.key[:16]),
    "SHA-1": lambda loot: signed(loot.header, loot.desired, loot.key, "sha1"),
    "SHA-384": lambda loot: signed(loot.header, loot.desired, loot.key, "sha384"),
    "SHA-512": lambda loot: signed(loot.header, loot.desired, loot.key, "sha512"),
    "SHA-512, cut to the length of SHA-256": lambda loot: signed(
        loot.header, loot.desired, loot.key, "sha512"
    )[:-43],
    "the payload alone": lambda loot: ".".join(
        [loot.parts[0], written(loot.desired), mac(written(loot.desired), loot.key)]
    ),
    "the text before it was encoded": lambda loot: ".".join(
        [loot.parts[0], written(loot.desired), mac(json.dumps(loot.desired), loot.key)]
    ),
}

# What tutorials, libraries' own tests and forgotten configurations sign with.
WEAK = (
    *("secret", "Secret", "password", "changeme", "admin", "test", "key", "jwt", "token", "guest"),
    *("your-256-bit-secret", "your-384-bit-secret", "your-512-bit-secret", "mysecretkey", "shhhhh"),
    *("supersecret", "secretkey", "secret-key", "jwt-secret", "hs256-secret", "shared-secret"),
    *("my super secret password", "some-secret-string", "a-string-secret-at-least-256-bits-long"),
    *("your-256-bit-secret-your-256-bit-secret", "12345678901234567890123456789012", "12345"),
    *("00000000000000000000000000000000", "0123456789abcdef0123456789abcdef", "...", "xxx"),
    *("shop", "shop-api", "dev", "dev-1", "development", "example", "placeholder", "change-me"),
)

MALFORMED: dict[str, Forgery] = {
    "nothing": lambda _: "",
    "one word": lambda _: "token",
    "null": lambda _: "null",
    "undefined": lambda _: "undefined",
    "dots": lambda _: "..",
    "many dots": lambda _: "." * 5000,
    "signature and its dot missing": lambda loot: ".".join(loot.parts[:2]),
    "payload empty": in_part(1, lambda _: ""),
    "payload and its dot missing": lambda loot: f"{loot.parts[0]}.{loot.parts[2]}",
    "header empty": in_part(0, lambda _: ""),
    "header and its dot missing": lambda loot: ".".join(loot.parts[1:]),
    "header and signature empty": lambda loot: f".{loot.parts[1]}.",
    "payload alone": lambda loot: loot.parts[1],
    "an empty part more": lambda loot: loot.token + ".",
    "a part more": lambda loot: f"{loot.token}.{loot.parts[2]}",
    "an empty part before": lambda loot: f".{loot.token}",
    "five parts, as of an encrypted token": lambda loot: f"{loot.token}.{loot.token}"[:-44],
    "as JSON, flattened": lambda loot: json.dumps(
        dict(zip(("protected", "payload", "signature"), loot.parts, strict=True))
    ),
    "as JSON, general": lambda loot: json.dumps(
        {
            "payload": loot.parts[1],
            "signatures": [{"protected": loot.parts[0], "signature": loot.parts[2]}],
        }
    ),
    "as a base64 of itself": lambda loot: base64url(loot.token.encode()),
    "in quotes": lambda loot: f'"{loot.token}"',
    "percent-encoded dots": lambda loot: loot.token.replace(".", "%2E"),
    "backwards": lambda loot: loot.token[::-1],
    "parts that are not JSON": lambda loot: signed_text(
        f"{base64url(b'{')}.{base64url(b'{')}", loot.key
    ),
    **{
        f"a payload that is {name}": around(payload)
        for name, payload in {
            "not JSON": b"sub=1",
            "not UTF-8": bytes(range(128, 256)),
            "null": b"null",
            "a number": b"1",
            "a word": b'"sub"',
            "a list": b'["sub"]',
            "an empty object": b"{}",
            "nested deeply": b"[" * 700,
            "a number of many digits": b'{"exp":' + b"9" * 700 + b"}",
        }.items()
    },
}

ODD_SPELLINGS: dict[str, Callable[[str], str]] = {
    "padding": lambda text: text + "=" * (-len(text) % 4 or 4),
    "a space": lambda text: put_at(text, 4, " "),
    "a tab": lambda text: put_at(text, 4, "\t"),
    "a character of no alphabet": lambda text: put_at(text, 4, "!"),
    "a plus": lambda text: put_at(text, 4, "+"),
    "a slash": lambda text: put_at(text, 4, "/"),
    "a percent-encoded character": lambda text: f"%{ord(text[0]):02X}{text[1:]}",
    "a letter that is not ASCII": lambda text: put_at(text, 4, "é"),
}

SPELLED_OTHERWISE: dict[str, Forgery] = {
    **{
        f"{what} in the {part}": in_part(number, change)
        for number, part in enumerate(("header", "payload", "signature"))
        for what, change in ODD_SPELLINGS.items()
    },
    "unused bits in the payload": unused_bits_of_payload,
    "unused bits in the signature": in_part(2, flip_unused_bit),
    "white space in the header, rightly signed": lambda loot: signed_text(
        f"{base64url(json.dumps(loot.header, indent=1).encode())}.{loot.parts[1]}", loot.key
    ),
    "members of the header in another order, rightly signed": lambda loot: signed(
        dict(reversed(loot.header.items())), loot.claims, loot.key
    ),
    "an escape in the header, rightly signed": lambda loot: signed_text(
        base64url(json.dumps(loot.header).replace("HS256", "\\u0048S256").encode())
        + f".{loot.parts[1]}",
        loot.key,
    ),
    "padding in the payload, rightly signed": lambda loot: signed_text(
        f"{loot.parts[0]}.{loot.parts[1]}=", loot.key
    ),
    "a space in the payload, rightly signed": lambda loot: signed_text(
        f"{loot.parts[0]}.{put_at(loot.parts[1], 4, ' ')}", loot.key
    ),
}


@each(UNSIGNED)
def test_what_was_changed_after_it_was_signed_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@each(SIGNED_BY_OTHERS)
def test_what_was_signed_with_another_key_opens_nothing(
    opens_nothing: Refused, loot: Loot, forge: Forgery
) -> None:
    opens_nothing(forge(loot))


@pytest.mark.parametrize("key", WEAK)
def test_what_was_signed_with_a_common_secret_opens_nothing(
    opens_nothing: Refused, loot: Loot, key: str
) -> None:
    opens_nothing(signed(loot.header, loot.desired, key.encode()))


@each(MALFORMED)
def test_what_is_no_token_opens_nothing(opens_nothing: Refused, loot: Loot, forge: Forgery) -> None:
    opens_nothing(forge(loot))


@each(SPELLED_OTHERWISE)
def test_a_token_has_one_spelling(opens_nothing: Refused, loot: Loot, forge: Forgery) -> None:
    opens_nothing(forge(loot))


@pytest.mark.parametrize("size", [1_000, 8_000, 60_000])
def test_a_token_of_any_size_opens_nothing(opens_nothing: Refused, loot: Loot, size: int) -> None:
    opens_nothing(signed(loot.header, {**loot.desired, "x": "x" * size}, loot.key)[:size])
    opens_nothing(f"{loot.token}{'A' * size}")


def test_a_token_that_no_head_has_room_for_harms_nobody_else(
    http: httpx.Client, mallory: Person
) -> None:
    headers = {"Authorization": f"Bearer {'A' * 300_000}"}

    # It may have heard enough, and hang up while we are still talking.
    with suppress(httpx.TransportError):
        assert http.get("/auth/me", headers=headers).status_code in {401, 431}

    assert http.get("/auth/me", headers=mallory.headers).is_success


def test_the_genuine_token_opens_the_account_of_its_owner_and_no_other(
    http: httpx.Client, loot: Loot, mallory: Person
) -> None:
    answer = http.get("/auth/me", headers={"Authorization": f"Bearer {loot.token}"})

    assert answer.json()["id"] == mallory.id != loot.victim


def test_a_signature_by_our_key_is_right_whatever_letters_it_has(
    http: httpx.Client, loot: Loot
) -> None:
    tokens = [loot.with_claims(jti=str(uuid4())) for _ in range(50)]
    assert {"-", "_"} <= set("".join(token.rpartition(".")[2] for token in tokens))

    for token in tokens:
        answer = http.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, token
