"""Who is asking: what a token or a cookie says is looked up at every request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.accounts import NewRole
from phase4_layered.domain.errors import InvalidToken
from phase4_layered.domain.identity import Identity
from phase4_layered.domain.sessions import TO_THE
from phase4_layered.tests.in_memory.sessions import InMemorySessions
from phase4_layered.tests.in_memory.tokens import InMemoryTokens

from .conftest import ADMIN, Failed, fail
from .identity import A_MOMENT, LIFETIMES, House

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from phase4_layered.services.cookie_sessions import OpenedSession
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


async def come_again(house: House, opened: OpenedSession, after: timedelta) -> bool:
    house.clock.let_pass(after)
    return await house.by_cookie(opened) is not None


# ---------------------------------------------------------------- by a token


async def test_a_token_says_who_somebody_is_and_the_shop_what_they_may(house: House) -> None:
    ada = await house.sign_up()
    tokens = await house.tokens_for()

    who = await house.bearer(tokens)

    assert who == Identity(ada.id, "user", jti=who.jti)
    assert who.jti is not None


async def test_a_change_of_role_counts_at_the_next_request(house: House) -> None:
    ada = await house.sign_up()
    tokens, cookie = await house.tokens_for(), await house.cookie_for()

    await house.accounts.change_role(ADMIN, ada.id, NewRole(role="admin"))

    assert (await house.bearer(tokens)).role == "admin"
    by_cookie = await house.by_cookie(cookie)
    assert by_cookie is not None
    assert by_cookie.role == "admin"


async def test_a_token_that_nobody_signed_is_refused(house: House) -> None:
    with pytest.raises(InvalidToken):
        await house.identification.by_token("made-up")


async def test_a_token_is_good_until_the_moment_it_expires(house: House) -> None:
    await house.sign_up()
    tokens = await house.tokens_for()

    house.clock.let_pass(LIFETIMES.access_token - A_MOMENT)
    await house.bearer(tokens)
    house.clock.let_pass(A_MOMENT)
    with pytest.raises(InvalidToken):
        await house.bearer(tokens)


async def test_a_token_of_a_user_who_is_gone_is_refused(house: House) -> None:
    ada = await house.sign_up()
    tokens = await house.tokens_for()
    async with house.work() as work:
        await work.users.remove(ada.id)

    with pytest.raises(InvalidToken):
        await house.bearer(tokens)


async def test_a_denied_token_is_refused_in_the_words_of_a_forged_one(house: House) -> None:
    await house.sign_up()
    tokens = await house.tokens_for()
    await house.sessions.log_out(await house.bearer(tokens))

    with pytest.raises(InvalidToken) as denied:
        await house.bearer(tokens)
    with pytest.raises(InvalidToken) as forged:
        await house.identification.by_token("made-up")

    assert str(denied.value) == str(forged.value)


async def test_those_who_ask_at_one_instant_share_one_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()
    both = await house.tokens_for(), await house.tokens_for()
    asked_for: list[int] = []
    roles = InMemoryTokens.roles

    async def counted(
        tokens: InMemoryTokens, asked: Sequence[tuple[int, UUID]]
    ) -> dict[tuple[int, UUID], str | None]:
        asked_for.append(len(asked))
        return await roles(tokens, asked)

    monkeypatch.setattr(InMemoryTokens, "roles", counted)

    await asyncio.gather(*map(house.bearer, both), *map(house.bearer, both))

    assert asked_for == [2]


# ---------------------------------------------------------------- by a cookie


async def test_a_cookie_opens_the_session_it_was_given_for(house: House) -> None:
    ada = await house.sign_up()
    opened = await house.cookie_for()

    session = await house.identification.session_by_cookie(opened.cookie)

    assert session is not None
    assert (session.user_id, session.role) == (ada.id, "user")
    assert session.expires_at == opened.expires_at


async def test_a_made_up_cookie_opens_nothing(house: House) -> None:
    assert await house.identification.session_by_cookie("made-up") is None


async def test_a_session_that_is_left_alone_ends(house: House) -> None:
    await house.sign_up()
    opened, other = await house.cookie_for(), await house.cookie_for()

    assert await come_again(house, opened, LIFETIMES.idle - A_MOMENT)
    assert not await come_again(house, other, A_MOMENT)


async def test_use_keeps_a_session_but_not_for_ever(house: House) -> None:
    await house.sign_up()
    opened = await house.cookie_for()
    step = LIFETIMES.session / 10

    for _ in range(9):
        assert await come_again(house, opened, step)
    assert await come_again(house, opened, step - A_MOMENT)
    assert not await come_again(house, opened, A_MOMENT)


async def test_use_is_noted_once_a_minute(house: House) -> None:
    await house.sign_up()
    opened = await house.cookie_for()
    begun = house.clock()

    await come_again(house, opened, TO_THE - A_MOMENT)
    early = await house.identification.session_by_cookie(opened.cookie)
    await come_again(house, opened, A_MOMENT)
    noted = await house.identification.session_by_cookie(opened.cookie)

    assert early is not None
    assert noted is not None
    assert early.last_used_at == begun
    assert noted == replace(early, last_used_at=begun + TO_THE)


async def test_within_the_minute_nothing_is_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()
    opened = await house.cookie_for()
    monkeypatch.setattr(InMemorySessions, "touch", fail)

    assert await come_again(house, opened, TO_THE - A_MOMENT)
    with pytest.raises(Failed):
        await come_again(house, opened, A_MOMENT)


async def test_coming_too_late_is_no_use(house: House) -> None:
    await house.sign_up()
    opened = await house.cookie_for()

    assert not await come_again(house, opened, LIFETIMES.idle)
    assert not await come_again(house, opened, timedelta())
