"""How sessions end: one's own, or all of somebody's, and what they have handed out with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidToken, Unauthenticated
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.identity import Identity

from .conftest import ADMIN, Failed, fail
from .identity import ADDRESS, LIFETIMES, House

if TYPE_CHECKING:
    from phase4_layered.domain.sessions import Tokens
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


async def is_over(house: House, tokens: Tokens) -> bool:
    try:
        await house.bearer(tokens)
    except InvalidToken:
        with pytest.raises(Unauthenticated):
            await house.tokens.refresh(ADDRESS, tokens.refresh_token)
        return True
    return False


async def test_logging_out_with_a_token_ends_its_family_and_no_other(house: House) -> None:
    await house.sign_up()
    ours, other = await house.tokens_for(), await house.tokens_for()
    cookie = await house.cookie_for()

    await house.sessions.log_out(await house.bearer(ours))

    assert await is_over(house, ours)
    assert not await is_over(house, other)
    assert await house.by_cookie(cookie) is not None


async def test_logging_out_denies_every_token_of_the_family(house: House) -> None:
    await house.sign_up()
    first = await house.tokens_for()
    second = (await house.tokens.refresh(ADDRESS, first.refresh_token)).tokens

    await house.sessions.log_out(await house.bearer(first))

    assert await is_over(house, first)
    assert await is_over(house, second)


async def test_logging_out_with_a_cookie_ends_its_session_and_no_other(house: House) -> None:
    await house.sign_up()
    ours, other, tokens = (
        await house.cookie_for(),
        await house.cookie_for(),
        await house.tokens_for(),
    )
    who = await house.by_cookie(ours)
    assert who is not None

    await house.sessions.log_out(who)

    assert await house.by_cookie(ours) is None
    assert await house.by_cookie(other) is not None
    assert not await is_over(house, tokens)


async def test_logging_out_twice_does_no_harm(house: House) -> None:
    await house.sign_up()
    who = await house.bearer(await house.tokens_for())

    await house.sessions.log_out(who)
    await house.sessions.log_out(who)

    assert house.store.tables.sessions == {}


async def test_whoever_came_by_no_session_has_none_to_end(house: House) -> None:
    ada = await house.sign_up()
    tokens = await house.tokens_for()

    await house.sessions.log_out(Identity(ada.id, "user"))

    assert not await is_over(house, tokens)


async def test_a_token_that_has_expired_is_not_denied(house: House) -> None:
    await house.sign_up()
    who = await house.bearer(await house.tokens_for())
    house.clock.let_pass(LIFETIMES.access_token)

    await house.sessions.log_out(who)

    assert house.store.tables.revoked_tokens == {}


async def test_logging_out_everywhere_ends_all_of_one_user_and_nobody_elses(house: House) -> None:
    ada, _ = await house.sign_up(), await house.sign_up("eve@example.com")
    tokens, cookie = await house.tokens_for(), await house.cookie_for()
    theirs = await house.tokens_for("eve@example.com")

    await house.sessions.log_out_everywhere(ADMIN, ada.id)

    assert await is_over(house, tokens)
    assert await house.by_cookie(cookie) is None
    assert not await is_over(house, theirs)


async def test_nobody_has_no_sessions_to_end(house: House) -> None:
    await house.sessions.log_out_everywhere(ADMIN, NOBODY)


async def test_a_session_ends_and_is_denied_together_or_not_at_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()
    tokens = await house.tokens_for()
    who = await house.bearer(tokens)
    monkeypatch.setattr("phase4_layered.tests.in_memory.sessions.InMemorySessions.remove", fail)

    with pytest.raises(Failed):
        await house.sessions.log_out(who)
    with pytest.raises(Failed):
        await house.sessions.log_out_everywhere(ADMIN, who.user_id)

    assert house.store.tables.revoked_tokens == {}
    assert not await is_over(house, tokens)
