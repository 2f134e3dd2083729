"""What services are promised of refresh tokens, and of the access tokens that come with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.sessions import Exchange, Issued, Validity

from .identity import (
    A_MOMENT,
    ANOTHER_HASH,
    GOOD,
    NOW,
    a_family,
    a_secret,
    an_account,
    role_of,
)

if TYPE_CHECKING:
    from datetime import datetime

    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


def good_from(at: datetime) -> Validity:
    """Let what is issued then last as long as ever."""
    later = at - NOW
    return Validity(
        at, GOOD.access_expires_at + later, GOOD.expires_at + later, GOOD.session_expires_at + later
    )


async def exchange(work: Work, parent: bytes, at: datetime = NOW) -> Issued | None:
    """Exchange a token for one that nobody knows."""
    async with work() as unit:
        return await unit.tokens.exchange(parent, a_secret(), a_secret(), uuid4(), good_from(at))


# ---------------------------------------------------------------- access tokens


async def test_a_token_stands_for_the_role_its_user_has_now(work: Work) -> None:
    ada, bob = await an_account(work), await an_account(work)
    asked = [(ada.id, uuid4()), (bob.id, uuid4())]

    async with work() as unit:
        await unit.accounts.promote(bob.email)
        assert await unit.tokens.roles(asked) == dict(zip(asked, ["user", "admin"], strict=True))
        assert await unit.tokens.roles([]) == {}


async def test_a_token_of_nobody_stands_for_nothing(work: Work) -> None:
    await an_account(work)

    assert await role_of(work, NOBODY, uuid4()) is None


async def test_of_two_tokens_of_one_user_only_the_denied_one_is_worthless(work: Work) -> None:
    ada = await an_account(work)
    denied, other = await a_family(work, ada), await a_family(work, ada)
    asked = [(ada.id, denied.jti), (ada.id, other.jti)]

    async with work() as unit:
        await unit.sessions.deny([denied.session], NOW)
        assert await unit.tokens.roles(asked) == dict(zip(asked, [None, "user"], strict=True))


# ---------------------------------------------------------------- a family


async def test_a_family_begins_with_what_was_asked_for(work: Work) -> None:
    ada, jti = await an_account(work), uuid4()

    async with work() as unit:
        issued = await unit.tokens.open_family(ada, a_secret(), jti, GOOD)

    assert issued == Issued(ada.id, jti, NOW, GOOD.access_expires_at)


async def test_no_family_begins_if_the_password_has_changed_meanwhile(work: Work) -> None:
    ada, token = await an_account(work), a_secret()

    async with work() as unit:
        await unit.accounts.change_password(ada, ANOTHER_HASH)
        assert await unit.tokens.open_family(ada, token, uuid4(), GOOD) is None
        assert await unit.sessions.lock_of_user(ada.id) == []

    assert await exchange(work, token) is None


async def test_no_family_begins_for_a_user_who_is_gone(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.users.remove(ada.id)
        assert await unit.tokens.open_family(ada, a_secret(), uuid4(), GOOD) is None


# ---------------------------------------------------------------- exchanging


async def test_a_token_is_exchanged_once_and_its_successor_after_it(work: Work) -> None:
    ada = await an_account(work)
    first, second, jti = await a_family(work, ada), a_secret(), uuid4()
    later = NOW + timedelta(minutes=5)

    async with work() as unit:
        issued = await unit.tokens.exchange(first.token, second, a_secret(), jti, good_from(later))
        session = await unit.sessions.of_token(jti)

    assert issued == Issued(ada.id, jti, later, good_from(later).access_expires_at)
    assert session == first.session
    assert await exchange(work, first.token, later) is None
    assert await exchange(work, second, later) is not None


async def test_an_unknown_token_is_not_exchanged(work: Work) -> None:
    assert await exchange(work, a_secret()) is None


async def test_a_token_is_good_until_the_moment_it_expires(work: Work) -> None:
    ada = await an_account(work)
    before, then = await a_family(work, ada), await a_family(work, ada)

    assert await exchange(work, before.token, GOOD.expires_at - A_MOMENT) is not None
    assert await exchange(work, then.token, GOOD.expires_at) is None


async def test_nothing_outlives_its_family(work: Work) -> None:
    ends = NOW + timedelta(minutes=10)
    short = replace(GOOD, access_expires_at=ends, expires_at=ends, session_expires_at=ends)
    first, second = await a_family(work, await an_account(work), short), a_secret()

    async with work() as unit:
        issued = await unit.tokens.exchange(first.token, second, a_secret(), uuid4(), GOOD)

    assert issued is not None
    assert issued.access_expires_at == ends
    assert await exchange(work, second, ends) is None


# ---------------------------------------------------------------- what came of it


async def test_what_a_token_was_exchanged_for_can_be_looked_up(work: Work) -> None:
    first, second, seed = await a_family(work, await an_account(work)), a_secret(), a_secret()

    async with work() as unit:
        issued = await unit.tokens.exchange(first.token, second, seed, uuid4(), GOOD)
        assert issued is not None
        unused = await unit.tokens.exchanged(first.token, NOW)
        await unit.tokens.exchange(second, a_secret(), a_secret(), uuid4(), GOOD)
        used = await unit.tokens.exchanged(first.token, NOW)

    assert unused == Exchange(first.session, issued, seed, successor_used=False)
    assert used == Exchange(first.session, issued, seed, successor_used=True)


async def test_what_was_not_exchanged_cannot_be_looked_up(work: Work) -> None:
    family = await a_family(work, await an_account(work))

    async with work() as unit:
        assert await unit.tokens.exchanged(family.token, NOW) is None
        assert await unit.tokens.exchanged(a_secret(), NOW) is None


async def test_an_exchange_is_remembered_until_its_session_is_over(work: Work) -> None:
    family, ends = await a_family(work, await an_account(work)), GOOD.session_expires_at
    await exchange(work, family.token)

    async with work() as unit:
        assert await unit.tokens.exchanged(family.token, ends - A_MOMENT) is not None
        assert await unit.tokens.exchanged(family.token, ends) is None
        await unit.sessions.remove([family.session])
        assert await unit.tokens.exchanged(family.token, NOW) is None


async def test_an_exchange_is_remembered_though_the_used_token_is_forgotten(work: Work) -> None:
    family, ends = await a_family(work, await an_account(work)), GOOD.expires_at
    await exchange(work, family.token, ends - A_MOMENT)

    async with work() as unit:
        assert await unit.retention.forget_expired("refresh tokens", ends, 10) == 1
        assert await unit.tokens.exchanged(family.token, ends) is not None
