"""What services are promised of sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.sessions import TO_THE, Session

from .identity import (
    A_MOMENT,
    ANOTHER_HASH,
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


async def last_used_at(work: Work, cookie: bytes) -> datetime:
    async with work() as unit:
        session = (await unit.sessions.by_cookies([cookie]))[cookie]
    assert session is not None
    return session.last_used_at


async def test_a_cookie_opens_its_session_and_another_opens_none(work: Work) -> None:
    ada, foreign = await an_account(work), a_secret()
    cookie = await a_cookie(work, ada, NOW + timedelta(days=1))

    async with work() as unit:
        found = await unit.sessions.by_cookies([cookie, foreign])

    session = found[cookie]
    assert session is not None
    assert session == Session(session.id, ada.id, "user", NOW, NOW + timedelta(days=1))
    assert found == {cookie: session, foreign: None}


async def test_no_cookies_open_nothing(work: Work) -> None:
    await a_family(work, await an_account(work))

    async with work() as unit:
        assert await unit.sessions.by_cookies([]) == {}


async def test_a_session_has_the_role_its_user_has_now(work: Work) -> None:
    ada = await an_account(work)
    cookie = await a_cookie(work, ada)

    async with work() as unit:
        await unit.accounts.promote(ada.email)
        session = (await unit.sessions.by_cookies([cookie]))[cookie]

    assert session is not None
    assert session.role == "admin"


async def test_no_session_opens_if_the_password_has_changed_meanwhile(work: Work) -> None:
    ada, cookie = await an_account(work), a_secret()

    async with work() as unit:
        await unit.accounts.change_password(ada, ANOTHER_HASH)
        assert await unit.sessions.open(ada, cookie, NOW, GOOD.session_expires_at) is False

    assert await session_of(work, cookie) is None


async def test_no_session_opens_for_a_user_who_is_gone(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.users.remove(ada.id)
        assert await unit.sessions.open(ada, a_secret(), NOW, GOOD.session_expires_at) is False


async def test_a_hash_made_anew_is_no_other_password(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.accounts.rehash(ada, ANOTHER_HASH)
        assert await unit.sessions.open(ada, a_secret(), NOW, GOOD.session_expires_at) is True


async def test_use_is_noted_to_the_minute(work: Work) -> None:
    cookie = await a_cookie(work, await an_account(work))
    session = await session_of(work, cookie)
    assert session is not None

    async with work() as unit:
        await unit.sessions.touch(session, NOW + TO_THE - A_MOMENT)
    assert await last_used_at(work, cookie) == NOW

    async with work() as unit:
        await unit.sessions.touch(session, NOW + TO_THE)
    assert await last_used_at(work, cookie) == NOW + TO_THE


async def test_use_of_a_session_that_has_ended_is_not_noted(work: Work) -> None:
    async with work() as unit:
        await unit.sessions.touch(NOBODY, NOW)


async def test_the_session_of_a_token_is_found_until_it_ends(work: Work) -> None:
    family = await a_family(work, await an_account(work))

    async with work() as unit, unit.transaction():
        assert await unit.sessions.of_token(family.jti) == family.session
        assert await unit.sessions.of_token(uuid4()) is None
        await unit.sessions.remove([family.session])
        assert await unit.sessions.of_token(family.jti) is None


async def test_one_session_can_be_locked_by_its_id(work: Work) -> None:
    family = await a_family(work, await an_account(work))

    async with work() as unit, unit.transaction():
        assert await unit.sessions.lock(family.session) == [family.session]
        assert await unit.sessions.lock(NOBODY) == []
        assert await unit.sessions.lock(None) == []


async def test_one_session_can_be_locked_by_its_cookie(work: Work) -> None:
    ada = await an_account(work)
    cookie, _ = await a_cookie(work, ada), await a_cookie(work, ada)

    async with work() as unit, unit.transaction():
        locked = await unit.sessions.lock_by_cookie(cookie)
        assert await unit.sessions.lock_by_cookie(a_secret()) == []

    assert locked == [await session_of(work, cookie)]


async def test_all_sessions_of_a_user_are_locked_in_the_order_of_their_ids(work: Work) -> None:
    ada, eve = await an_account(work), await an_account(work)
    families = [await a_family(work, ada), await a_family(work, eve), await a_family(work, ada)]
    cookie = await session_of(work, await a_cookie(work, ada))

    async with work() as unit, unit.transaction():
        locked = await unit.sessions.lock_of_user(ada.id)
        assert await unit.sessions.lock_of_user(NOBODY) == []

    assert locked == [families[0].session, families[2].session, cookie]


async def test_denying_a_session_denies_all_its_tokens_and_nobody_elses(work: Work) -> None:
    ada = await an_account(work)
    ended, other, second = await a_family(work, ada), await a_family(work, ada), uuid4()

    async with work() as unit:
        assert await unit.tokens.exchange(ended.token, a_secret(), a_secret(), second, GOOD)
        await unit.sessions.deny([ended.session], NOW)

    assert await role_of(work, ada.id, ended.jti) is None
    assert await role_of(work, ada.id, second) is None
    assert await role_of(work, ada.id, other.jti) == "user"


async def test_a_token_that_has_expired_by_itself_needs_no_denial(work: Work) -> None:
    ada = await an_account(work)
    before, then = await a_family(work, ada), await a_family(work, ada)

    async with work() as unit:
        await unit.sessions.deny([before.session], GOOD.access_expires_at - A_MOMENT)
        await unit.sessions.deny([then.session], GOOD.access_expires_at)

    assert await role_of(work, ada.id, before.jti) is None
    assert await role_of(work, ada.id, then.jti) == "user"


async def test_a_denial_outlives_its_session(work: Work) -> None:
    ada = await an_account(work)
    family = await a_family(work, ada)

    async with work() as unit, unit.transaction():
        await unit.sessions.deny([family.session], NOW)
        await unit.sessions.remove([family.session])

    assert await role_of(work, ada.id, family.jti) is None


async def test_sessions_are_removed_with_their_refresh_tokens_and_others_stay(work: Work) -> None:
    ada = await an_account(work)
    ended, other, cookie = await a_family(work, ada), await a_family(work, ada), a_secret()

    async with work() as unit:
        await unit.sessions.open(ada, cookie, NOW, GOOD.session_expires_at)
        ours = await unit.sessions.lock_by_cookie(cookie)
        await unit.sessions.remove([ended.session, *ours])

        assert await unit.sessions.lock_of_user(ada.id) == [other.session]
        assert (
            await unit.tokens.exchange(ended.token, a_secret(), a_secret(), uuid4(), GOOD) is None
        )
        assert await unit.tokens.exchange(other.token, a_secret(), a_secret(), uuid4(), GOOD)


async def test_no_sessions_are_denied_and_removed_without_harm(work: Work) -> None:
    ada = await an_account(work)
    family = await a_family(work, ada)

    async with work() as unit:
        await unit.sessions.deny([], NOW)
        await unit.sessions.remove([])

    assert await role_of(work, ada.id, family.jti) == "user"


async def test_a_user_who_is_removed_takes_all_sessions_along(work: Work) -> None:
    ada = await an_account(work)
    cookie, family = await a_cookie(work, ada), await a_family(work, ada)

    async with work() as unit:
        assert await unit.users.remove(ada.id) is True
        assert await unit.sessions.of_token(family.jti) is None

    assert await session_of(work, cookie) is None
    assert await role_of(work, ada.id, family.jti) is None
