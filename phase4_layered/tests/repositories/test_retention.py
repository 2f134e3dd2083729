"""What services are promised of forgetting: what is over goes, a part at a time, and no more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from phase4_layered.domain.logins import Login
from phase4_layered.tests.factories import a_product, a_user, an_attempt, asking_for

from .identity import (
    A_MOMENT,
    GOOD,
    NOW,
    a_cookie,
    a_family,
    a_secret,
    an_account,
    role_of,
    session_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


async def forget(work: Work, what: str, now: datetime, at_once: int = 10) -> int:
    async with work() as unit:
        return await unit.retention.forget_expired(what, now, at_once)


async def test_sessions_are_forgotten_from_the_moment_they_expire(work: Work) -> None:
    ada, ends = await an_account(work), NOW + timedelta(days=1)
    over, lives = await a_cookie(work, ada, ends), await a_cookie(work, ada, ends + A_MOMENT)

    assert await forget(work, "sessions", ends - A_MOMENT) == 0
    assert await forget(work, "sessions", ends) == 1

    assert await session_of(work, over) is None
    assert await session_of(work, lives) is not None


async def test_a_family_that_is_forgotten_takes_its_tokens_along(work: Work) -> None:
    family = await a_family(work, await an_account(work))

    assert await forget(work, "sessions", GOOD.session_expires_at) == 1

    async with work() as unit:
        assert await unit.sessions.of_token(family.jti) is None


async def test_refresh_tokens_are_forgotten_and_their_family_lives_on(work: Work) -> None:
    ada = await an_account(work)
    family = await a_family(work, ada)

    assert await forget(work, "refresh tokens", GOOD.expires_at - A_MOMENT) == 0
    assert await forget(work, "refresh tokens", GOOD.expires_at) == 1

    async with work() as unit, unit.transaction():
        assert await unit.sessions.of_token(family.jti) is None
        assert await unit.sessions.lock(family.session) == [family.session]


async def test_a_denial_is_forgotten_when_its_token_has_expired(work: Work) -> None:
    ada = await an_account(work)
    family = await a_family(work, ada)
    async with work() as unit:
        await unit.sessions.deny([family.session], NOW)

    assert await forget(work, "denials", GOOD.access_expires_at - A_MOMENT) == 0
    assert await role_of(work, ada.id, family.jti) is None
    assert await forget(work, "denials", GOOD.access_expires_at) == 1


async def test_a_login_is_forgotten_when_nobody_may_come_back_from_it(work: Work) -> None:
    async with work() as unit:
        await unit.logins.add(a_secret(), Login("nonce", "verifier", "/"), NOW)

    assert await forget(work, "unfinished logins", NOW - A_MOMENT) == 0
    assert await forget(work, "unfinished logins", NOW) == 1


@pytest.mark.parametrize("what", ["sessions", "refresh tokens", "denials", "unfinished logins"])
async def test_forgetting_goes_by_parts_the_oldest_first(work: Work, what: str) -> None:
    ada, last = await an_account(work), GOOD.session_expires_at
    for _ in range(3):
        family = await a_family(work, ada)
        async with work() as unit:
            await unit.sessions.deny([family.session], NOW)
            await unit.logins.add(a_secret(), Login("nonce", "verifier", "/"), last)

    parts = [await forget(work, what, last, at_once=2) for _ in range(3)]

    assert parts == [2, 1, 0]


async def test_of_sessions_that_are_over_the_oldest_goes_first(work: Work) -> None:
    ada, ends = await an_account(work), NOW + timedelta(days=1)
    later, first = await a_cookie(work, ada, ends), await a_cookie(work, ada, ends - A_MOMENT)

    assert await forget(work, "sessions", ends, at_once=1) == 1

    assert await session_of(work, first) is None
    assert await session_of(work, later) is not None


async def test_keys_are_forgotten_by_their_age_and_in_parts(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    async with work() as unit:
        for _ in range(3):
            await unit.orders.place(an_attempt(ada.id), asking_for({tea.id: 1}))

        young = await unit.retention.forget_keys("24 hours", 10)
        # An age below zero is one that every key has.
        parts = [await unit.retention.forget_keys("-1 hours", 2) for _ in range(3)]

    assert young == 0
    assert parts == [2, 1, 0]


async def test_what_is_forgotten_of_others_stays(work: Work) -> None:
    ada = await an_account(work)
    family, token = await a_family(work, ada), uuid4()
    async with work() as unit:
        await unit.tokens.exchange(family.token, a_secret(), a_secret(), token, GOOD)

    assert await forget(work, "denials", GOOD.session_expires_at) == 0
    assert await forget(work, "unfinished logins", GOOD.session_expires_at) == 0

    async with work() as unit:
        assert await unit.sessions.of_token(token) == family.session
