"""Logging in with tokens: what is handed out, exchanged once, and ended with its family."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidToken, RateLimited, Unauthenticated

from .identity import A_MOMENT, ADDRESS, ANOTHER, LIFETIMES, House, credentials

if TYPE_CHECKING:
    from phase4_layered.domain.sessions import Tokens
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


async def refresh(house: House, tokens: Tokens) -> Tokens:
    return (await house.tokens.refresh(ADDRESS, tokens.refresh_token)).tokens


async def refused(house: House, tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await refresh(house, tokens)
    assert refusal.value.code == "invalid_refresh_token"


async def test_a_password_gets_tokens_and_they_say_whose_they_are(house: House) -> None:
    ada = await house.sign_up()

    granted = await house.tokens.log_in(ADDRESS, credentials())

    who = await house.bearer(granted.tokens)
    assert (who.user_id, who.role) == (ada.id, "user")
    assert (granted.tokens.token_type, granted.tokens.expires_in) == ("Bearer", 900)
    assert granted.allowance.policy == "login"


async def test_a_token_itself_is_not_kept(house: House) -> None:
    await house.sign_up()

    tokens = await house.tokens_for()

    assert tokens.refresh_token not in repr(house.store.tables)


async def test_a_wrong_password_gets_none(house: House) -> None:
    await house.sign_up()

    with pytest.raises(Unauthenticated):
        await house.tokens_for(password=ANOTHER)

    assert house.store.tables.sessions == {}


async def test_a_password_that_is_changed_while_it_is_looked_at_gets_none(house: House) -> None:
    ada = await house.sign_up()

    async def change() -> None:
        house.give_another_password(ada.id)

    house.passwords.meanwhile = change

    with pytest.raises(Unauthenticated) as refusal:
        await house.tokens_for()

    assert refusal.value.code == "invalid_credentials"
    assert house.store.tables.sessions == {}


async def test_a_refresh_token_is_exchanged_for_another_pair(house: House) -> None:
    ada = await house.sign_up()
    first = await house.tokens_for()
    house.clock.let_pass(timedelta(minutes=10))

    second = await refresh(house, first)

    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert second.expires_in == 900
    assert (await house.bearer(second)).user_id == ada.id


async def test_the_access_token_of_before_goes_on(house: House) -> None:
    await house.sign_up()
    first = await house.tokens_for()

    await refresh(house, first)

    await house.bearer(first)


async def test_an_unknown_token_is_refused(house: House) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await house.tokens.refresh(ADDRESS, "of-nobody")

    assert refusal.value.code == "invalid_refresh_token"


async def test_exchanges_are_limited_before_the_token_is_looked_at(house: House) -> None:
    await house.sign_up()
    first = await house.tokens_for()
    house.limits.quota = 1
    second = await refresh(house, first)

    with pytest.raises(RateLimited):
        await refresh(house, second)

    assert len(house.store.tables.refresh_tokens) == 2


# ---------------------------------------------------------------- shown again


async def test_whoever_lost_the_answer_gets_the_same_one_again(house: House) -> None:
    await house.sign_up()
    first = await house.tokens_for()
    second = await refresh(house, first)
    house.clock.let_pass(LIFETIMES.grace)

    again = await refresh(house, first)

    assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    assert again.expires_in == second.expires_in - LIFETIMES.grace.total_seconds()
    await refresh(house, again)


async def test_after_the_grace_a_used_token_ends_its_family(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await house.sign_up()
    first = await house.tokens_for()
    second = await refresh(house, first)
    house.clock.let_pass(LIFETIMES.grace + A_MOMENT)

    with caplog.at_level(logging.WARNING):
        await refused(house, first)

    # The request was refused, and the end of the family stays all the same.
    assert house.store.tables.sessions == {}
    assert f"auth.refresh_token_reused user_id={ada.id}" in caplog.text
    await refused(house, second)
    for tokens in (first, second):
        with pytest.raises(InvalidToken):
            await house.bearer(tokens)


async def test_a_successor_that_was_used_ends_the_grace_and_the_family(house: House) -> None:
    await house.sign_up()
    first = await house.tokens_for()
    third = await refresh(house, await refresh(house, first))

    await refused(house, first)

    await refused(house, third)


async def test_another_family_of_the_same_user_lives_on(house: House) -> None:
    await house.sign_up()
    stolen, other = await house.tokens_for(), await house.tokens_for()
    await refresh(house, await refresh(house, stolen))

    await refused(house, stolen)

    await house.bearer(other)
    await refresh(house, other)


# ---------------------------------------------------------------- how long things last


async def test_a_refresh_token_lasts_until_the_moment_it_expires(house: House) -> None:
    await house.sign_up()
    first, other = await house.tokens_for(), await house.tokens_for()

    house.clock.let_pass(LIFETIMES.refresh_token - A_MOMENT)
    await refresh(house, first)
    house.clock.let_pass(A_MOMENT)
    await refused(house, other)


async def test_whoever_keeps_exchanging_stays_until_the_family_ends(house: House) -> None:
    await house.sign_up()
    tokens, ends = await house.tokens_for(), house.clock() + LIFETIMES.family

    while house.clock() + timedelta(days=13) < ends:
        house.clock.let_pass(timedelta(days=13))
        tokens = await refresh(house, tokens)

    house.clock.now = ends - timedelta(minutes=1)
    last = await refresh(house, tokens)
    assert last.expires_in == 60
    house.clock.now = ends
    await refused(house, last)
    with pytest.raises(InvalidToken):
        await house.bearer(last)


async def test_an_exchange_is_not_repeated_after_its_session_is_over(house: House) -> None:
    await house.sign_up()
    tokens, ends = await house.tokens_for(), house.clock() + LIFETIMES.family
    while house.clock() + timedelta(days=13) < ends:
        house.clock.let_pass(timedelta(days=13))
        tokens = await refresh(house, tokens)
    house.clock.now = ends - A_MOMENT
    await refresh(house, tokens)

    house.clock.now = ends
    await refused(house, tokens)
