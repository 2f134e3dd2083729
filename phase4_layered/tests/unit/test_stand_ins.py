"""The stand-ins of these tests, held to the rules of what they stand in for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import SecretStr

from phase4_layered.adapters.access_tokens import AccessTokens
from phase4_layered.adapters.rate_limit import RateLimits, limit_of
from phase4_layered.domain.errors import InvalidToken, RateLimited
from phase4_layered.domain.sessions import AccessToken

from .identity import ADDRESS, EMAIL, START, CountedAttempts, RememberedTokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from phase4_layered.domain.limits import Allowance
    from phase4_layered.services.ports import AccessTokenSigner, RateLimiter

ELSEWHERE = "203.0.113.9"
A_SECOND = timedelta(seconds=1)
TOKEN = AccessToken(7, uuid4(), START, START + timedelta(minutes=15))


# ---------------------------------------------------------------- access tokens


def signs_for_real() -> AccessTokens:
    return AccessTokens({"k1": SecretStr("k" * 32)}, "https://shop.example", "https://shop.example")


@pytest.fixture(params=[RememberedTokens, signs_for_real])
def signer(request: pytest.FixtureRequest) -> AccessTokenSigner:
    """Sign in either way."""
    make: Callable[[], AccessTokenSigner] = request.param
    return make()


def test_a_signer_reads_what_it_has_written(signer: AccessTokenSigner) -> None:
    text = signer.sign(TOKEN)

    assert signer.read(text, START) == TOKEN
    assert signer.sign(TOKEN) == text


def test_a_token_is_good_until_the_second_it_expires(signer: AccessTokenSigner) -> None:
    text = signer.sign(TOKEN)

    assert signer.read(text, TOKEN.expires_at - A_SECOND) == TOKEN
    with pytest.raises(InvalidToken):
        signer.read(text, TOKEN.expires_at)


def test_a_token_is_not_good_before_it_was_issued(signer: AccessTokenSigner) -> None:
    text = signer.sign(TOKEN)

    with pytest.raises(InvalidToken):
        signer.read(text, START - timedelta(minutes=1))


def test_a_signer_knows_no_hand_but_its_own(signer: AccessTokenSigner) -> None:
    text = signer.sign(TOKEN)

    for foreign in ("", "a.b.c", text[:-1], f"{text}x"):
        with pytest.raises(InvalidToken):
            signer.read(foreign, START)


# ---------------------------------------------------------------- limits

QUOTA = 2


def limits_for_real() -> RateLimits:
    few, many = limit_of(f"{QUOTA}/hour"), limit_of("100/hour")
    return RateLimits(
        login_per_address=many,
        login_per_pair=few,
        login_per_account=many,
        signup_per_address=few,
        refresh_per_address=few,
        oauth_per_address=few,
    )


@pytest.fixture(params=[lambda: CountedAttempts(QUOTA), limits_for_real], ids=["fake", "real"])
def limits(request: pytest.FixtureRequest) -> RateLimiter:
    """Limit in either way."""
    make: Callable[[], RateLimiter] = request.param
    return make()


def attempts(limits: RateLimiter) -> list[Callable[[str], Allowance]]:
    """List all that is counted, each by an address."""
    return [
        lambda address: limits.before_login(address, EMAIL),
        limits.signup,
        limits.refresh,
        limits.oauth,
    ]


def test_so_many_attempts_are_let_through_and_no_more(limits: RateLimiter) -> None:
    for attempt in attempts(limits):
        left = [attempt(ADDRESS).remaining for _ in range(QUOTA)]
        with pytest.raises(RateLimited) as refusal:
            attempt(ADDRESS)

        assert left == [1, 0]
        assert refusal.value.left.remaining == 0


def test_another_address_is_counted_by_itself(limits: RateLimiter) -> None:
    for attempt in attempts(limits):
        attempt(ADDRESS)

        assert attempt(ELSEWHERE).remaining == QUOTA - 1


def test_one_email_is_counted_in_any_case(limits: RateLimiter) -> None:
    limits.before_login(ADDRESS, EMAIL)

    assert limits.before_login(ADDRESS, EMAIL.upper()).remaining == QUOTA - 2


def test_a_right_password_lets_the_count_begin_anew(limits: RateLimiter) -> None:
    for _ in range(QUOTA):
        limits.before_login(ADDRESS, EMAIL)

    assert limits.after_login(ADDRESS, EMAIL).remaining == QUOTA
    assert limits.before_login(ADDRESS, EMAIL).remaining == QUOTA - 1
