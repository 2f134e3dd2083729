"""What services are promised of logins that are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.logins import Login

from .identity import A_MOMENT, NOW, a_secret

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio

LOGIN = Login("nonce", "verifier", "/orders")


async def test_a_login_is_taken_as_it_was_written_down_and_once(work: Work) -> None:
    state = a_secret()

    async with work() as unit:
        await unit.logins.add(state, LOGIN, NOW)

        assert await unit.logins.take(state, NOW - A_MOMENT) == LOGIN
        assert await unit.logins.take(state, NOW - A_MOMENT) is None


async def test_a_login_cannot_be_taken_any_more_when_it_expires(work: Work) -> None:
    state = a_secret()

    async with work() as unit:
        await unit.logins.add(state, LOGIN, NOW)

        assert await unit.logins.take(state, NOW) is None


async def test_taking_one_login_leaves_the_others(work: Work) -> None:
    ours, theirs = a_secret(), a_secret()
    their_login = Login("another", "verifier", "/")

    async with work() as unit:
        await unit.logins.add(ours, LOGIN, NOW)
        await unit.logins.add(theirs, their_login, NOW)

        assert await unit.logins.take(a_secret(), NOW - A_MOMENT) is None
        assert await unit.logins.take(ours, NOW - A_MOMENT) == LOGIN
        assert await unit.logins.take(theirs, NOW - A_MOMENT) == their_login
