"""Access tokens: read only to the letter as we write them, by our keys, in their time."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as some
from jwt.exceptions import InvalidKeyError
from pydantic import SecretStr

from phase4_layered.adapters.access_tokens import CLAIMS, SKEW, AccessTokens
from phase4_layered.domain.errors import InvalidToken
from phase4_layered.domain.sessions import AccessToken

NEW, OLD = "n" * 16 + "0123456789abcdef", "o" * 16 + "0123456789abcdef"
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LIFETIME = timedelta(minutes=15)
TOKEN = AccessToken(7, UUID("6f8db9ab-7f0c-4f55-a9a5-52d6a1c3b6a4"), NOW, NOW + LIFETIME)

HEADER = {"alg": "HS256", "kid": "new", "typ": "at+jwt"}
PAYLOAD = {
    "iss": "shop",
    "aud": "shop-api",
    "sub": "7",
    "iat": int(NOW.timestamp()),
    "nbf": int(NOW.timestamp()),
    "exp": int((NOW + LIFETIME).timestamp()),
    "jti": str(TOKEN.jti),
}


def access_tokens(*, issuer: str = "shop", audience: str = "shop-api", **keys: str) -> AccessTokens:
    """Make what signs and reads, with the key `new` if none is given."""
    secrets = {kid: SecretStr(key) for kid, key in (keys or {"new": NEW}).items()}
    return AccessTokens(secrets, issuer, audience)


OURS = access_tokens()
TEXT = OURS.sign(TOKEN)


def signed(
    payload: dict[str, Any], header: dict[str, Any] = HEADER, key: str = NEW, by: str = "sha256"
) -> str:
    """Sign whatever it is, as somebody would who has stolen our key."""
    head = f"{segment(header)}.{segment(payload)}"
    return f"{head}.{segment(hmac.digest(key.encode(), head.encode(), by))}"


def segment(value: bytes | dict[str, Any]) -> str:
    """Write one of the three parts."""
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def is_refused(text: str, by: AccessTokens = OURS, now: datetime = NOW) -> bool:
    """Tell whether a token is refused, and as all tokens are."""
    try:
        by.read(text, now)
    except InvalidToken:
        return True
    return False


# ---------------------------------------------------------------- ours


def test_what_is_signed_is_read_again() -> None:
    assert OURS.read(TEXT, NOW) == TOKEN
    assert signed(PAYLOAD) == TEXT  # so below it is what is changed that is refused


def test_a_token_says_what_it_must_and_nothing_else() -> None:
    assert jwt.get_unverified_header(TEXT) == HEADER
    assert jwt.decode(TEXT, options={"verify_signature": False}) == PAYLOAD


def test_the_same_token_is_the_same_text() -> None:
    assert access_tokens().sign(replace(TOKEN)) == TEXT


def test_times_are_cut_to_seconds_and_never_made_longer() -> None:
    fraction = timedelta(microseconds=999_999)
    token = replace(TOKEN, issued_at=NOW + fraction, expires_at=NOW + LIFETIME + fraction)

    assert OURS.read(OURS.sign(token), NOW) == TOKEN


# ---------------------------------------------------------------- keys


def test_of_two_keys_the_first_signs_and_both_verify() -> None:
    both = access_tokens(new=NEW, old=OLD)
    earlier = access_tokens(old=OLD).sign(TOKEN)

    assert jwt.get_unverified_header(both.sign(TOKEN))["kid"] == "new"
    assert both.read(earlier, NOW) == TOKEN
    assert both.read(TEXT, NOW) == TOKEN


def test_a_key_that_was_removed_opens_nothing_any_more() -> None:
    assert is_refused(access_tokens(old=OLD).sign(TOKEN))


def test_a_key_counts_under_its_own_name_only() -> None:
    both = access_tokens(new=NEW, old=OLD)

    assert is_refused(TEXT, by=access_tokens(new=OLD, old=NEW))
    assert is_refused(signed(PAYLOAD, HEADER | {"kid": "old"}), by=both)


def test_one_key_may_have_two_names() -> None:
    renamed = access_tokens(newer=NEW, new=NEW)

    assert renamed.read(TEXT, NOW) == TOKEN
    assert renamed.sign(TOKEN) != TEXT


def test_a_short_key_is_refused_before_anything_is_signed_with_it() -> None:
    with pytest.raises(InvalidKeyError):
        access_tokens(new=NEW, old=OLD[:31])


# ---------------------------------------------------------------- times


def test_a_token_is_good_until_just_before_it_expires() -> None:
    assert OURS.read(TEXT, TOKEN.expires_at - timedelta(microseconds=1)) == TOKEN
    assert is_refused(TEXT, now=TOKEN.expires_at)


def test_a_token_from_a_clock_a_little_ahead_is_good() -> None:
    assert OURS.read(TEXT, NOW - SKEW) == TOKEN
    assert is_refused(TEXT, now=NOW - SKEW - timedelta(microseconds=1))


def test_time_is_asked_again_each_time() -> None:
    """What was verified is remembered, and what it was good for is not."""
    assert OURS.read(TEXT, NOW) == TOKEN
    assert is_refused(TEXT, now=TOKEN.expires_at)
    assert OURS.read(TEXT, NOW) == TOKEN


# ---------------------------------------------------------------- not ours


@pytest.mark.parametrize("audience", ["shop", "shop-api-2", "shop-ap", "SHOP-API", ""])
def test_a_token_for_somebody_else_is_refused(audience: str) -> None:
    assert is_refused(access_tokens(audience=audience).sign(TOKEN))


@pytest.mark.parametrize("issuer", ["shop-api", "shop2", "sho", "Shop", "https://shop", ""])
def test_a_token_of_somebody_else_is_refused(issuer: str) -> None:
    assert is_refused(access_tokens(issuer=issuer).sign(TOKEN))


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_that_is_missing_is_missed(claim: str) -> None:
    without = {name: PAYLOAD[name] for name in PAYLOAD if name != claim}

    assert is_refused(signed(without))
    assert is_refused(signed({**without, claim: None}))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},  # what an ID token says, or a refresh token of others
        {"typ": "AT+JWT"},
        {"typ": "application/at+jwt"},
        {"typ": None},
        {"kid": "other"},
        {"kid": "../../../../dev/null"},
        {"kid": "new' UNION SELECT 'x"},
        {"kid": None},
        {"jku": "https://attacker.example/keys"},
        {"jwk": {"kty": "oct", "k": segment(OLD.encode())}},
        {"x5u": "https://attacker.example/cert"},
        {"crit": ["exp"]},
        {"cty": "JWT"},
        {"b64": True},
        {"": ""},
    ],
    ids=str,
)
def test_a_header_with_anything_else_in_it_is_not_ours(header: dict[str, Any]) -> None:
    given = {name: value for name, value in (HEADER | header).items() if value is not None}

    assert is_refused(signed(PAYLOAD, given))


@pytest.mark.parametrize("order", [["typ", "alg", "kid"], ["kid", "typ", "alg"]], ids=str)
def test_a_header_in_another_order_is_not_ours(order: list[str]) -> None:
    assert is_refused(signed(PAYLOAD, {name: HEADER[name] for name in order}))


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "HS384", "HS512", "RS256", "ES256"])
@pytest.mark.parametrize("by", ["sha256", "sha384", "sha512"])
def test_another_algorithm_is_refused_whatever_has_signed(algorithm: str, by: str) -> None:
    text = signed(PAYLOAD, HEADER | {"alg": algorithm}, by=by)
    unsigned = text.rpartition(".")[0]

    assert [is_refused(each) for each in (text, f"{unsigned}.", unsigned)] == [True, True, True]


@pytest.mark.parametrize("by", ["sha384", "sha512", "sha1", "md5"])
def test_our_header_before_the_signature_of_another_algorithm_is_refused(by: str) -> None:
    assert is_refused(signed(PAYLOAD, by=by))


# ---------------------------------------------------------------- to the letter

HEAD, CLAIMED, SIGNATURE = TEXT.split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        HEAD,
        f"{HEAD}.",
        f"{HEAD}..",
        f"{HEAD}.{CLAIMED}",
        f"{HEAD}.{CLAIMED}.",
        f"{HEAD}..{SIGNATURE}",
        f".{CLAIMED}.{SIGNATURE}",
        f"{TEXT}.",
        f".{TEXT}",
        f"{TEXT}.{SIGNATURE}",
        f"{HEAD}.{HEAD}.{CLAIMED}.{SIGNATURE}",
        f"{HEAD}.{CLAIMED}.{SIGNATURE}..",
        f"{TEXT}\n",
        f" {TEXT}",
        f"{TEXT} ",
        f"{HEAD} .{CLAIMED}.{SIGNATURE}",
        f"{TEXT},{TEXT}",
        TEXT.upper(),
        TEXT.replace(".", "%2E"),
        json.dumps({"protected": HEAD, "payload": CLAIMED, "signature": SIGNATURE}),
    ],
)
def test_anything_but_three_parts_is_refused(text: str) -> None:
    assert is_refused(text)


@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("padding", ["=", "==", "\n", "A", "AAAA"])
def test_no_part_may_be_padded_or_longer(part: int, padding: str) -> None:
    parts = TEXT.split(".")
    parts[part] += padding

    assert is_refused(".".join(parts))


def test_a_signature_has_one_spelling() -> None:
    """Its last character holds four bits, and Python's decoder looks away from the other two."""
    same = [TEXT[:-1] + last for last in alphabet() if decoded(TEXT[:-1] + last) == decoded(TEXT)]

    assert len(same) == 4
    assert [text for text in same if not is_refused(text)] == [TEXT]


def decoded(text: str) -> bytes:
    """Decode a token's signature, as leniently as Python does."""
    return base64.urlsafe_b64decode(text.rpartition(".")[2] + "=")


def alphabet() -> str:
    """List the characters of base64url."""
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


CHARACTERS = some.one_of(some.sampled_from(alphabet() + ".=+/ "), some.characters())


@given(some.integers(0, len(TEXT) - 1), CHARACTERS)
def test_a_token_with_one_character_changed_is_refused(place: int, character: str) -> None:
    changed = TEXT[:place] + character + TEXT[place + 1 :]

    assert is_refused(changed) == (changed != TEXT)


@given(some.integers(0, len(TEXT)), CHARACTERS)
def test_a_token_with_one_character_more_is_refused(place: int, character: str) -> None:
    assert is_refused(TEXT[:place] + character + TEXT[place:])


@given(some.integers(0, len(TEXT) - 1))
def test_a_token_with_one_character_less_is_refused(place: int) -> None:
    assert is_refused(TEXT[:place] + TEXT[place + 1 :])


@given(some.one_of(some.text(), some.from_regex(r"\A[\w-]*\.[\w-]*\.[\w-]*\Z")))
def test_rubbish_is_refused_as_a_forgery_is(text: str) -> None:
    assert is_refused(text)
    assert is_refused(f"{HEAD}.{text}")


@given(some.dictionaries(some.sampled_from([*PAYLOAD, "role", "scope"]), some.text(max_size=9)))
def test_claims_of_others_keys_are_refused(payload: dict[str, Any]) -> None:
    assert is_refused(signed(PAYLOAD | payload, key=OLD))
