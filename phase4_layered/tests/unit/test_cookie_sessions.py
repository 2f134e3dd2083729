"""Logging in with a cookie: a new one each time, and the earlier session ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidToken, Unauthenticated
from phase4_layered.domain.sessions import digest
from phase4_layered.tests.in_memory.sessions import InMemorySessions

from .conftest import Failed, fail
from .identity import ADDRESS, ANOTHER, EMAIL, LIFETIMES, House, credentials

if TYPE_CHECKING:
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

EVE = "eve@example.com"


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


async def test_a_password_gets_a_cookie(house: House) -> None:
    ada = await house.sign_up()

    opened, allowance = await house.cookies.log_in(ADDRESS, credentials(), "")

    assert (opened.user_id, opened.expires_at) == (ada.id, house.clock() + LIFETIMES.session)
    assert allowance.policy == "login"
    who = await house.by_cookie(opened)
    assert who is not None
    assert who.user_id == ada.id


async def test_a_cookie_itself_is_not_kept(house: House) -> None:
    await house.sign_up()

    opened = await house.cookie_for()

    assert opened.cookie not in repr(house.store.tables)
    assert [row.cookie_hash for row in house.store.tables.sessions.values()] == [
        digest(opened.cookie)
    ]


async def test_each_login_has_a_cookie_of_its_own(house: House) -> None:
    await house.sign_up()
    first = await house.cookie_for()

    second = await house.cookie_for()

    assert first.cookie != second.cookie
    assert await house.by_cookie(first) is not None


async def test_a_cookie_that_somebody_put_there_is_worth_nothing_afterwards(house: House) -> None:
    await house.sign_up()

    opened = await house.cookie_for(earlier="put-there-by-eve")

    assert opened.cookie != "put-there-by-eve"
    assert await house.identification.session_by_cookie("put-there-by-eve") is None


@pytest.mark.parametrize("earlier_user", [EMAIL, EVE])
async def test_the_session_of_the_earlier_cookie_ends_whosever_it_was(
    house: House, earlier_user: str
) -> None:
    await house.sign_up()
    await house.sign_up(EVE)
    earlier, other = await house.cookie_for(earlier_user), await house.cookie_for(earlier_user)

    opened = await house.cookie_for(earlier=earlier.cookie)

    assert await house.by_cookie(earlier) is None
    assert await house.by_cookie(other) is not None
    assert await house.by_cookie(opened) is not None


async def test_a_login_that_fails_leaves_the_earlier_session(house: House) -> None:
    await house.sign_up()
    earlier = await house.cookie_for()

    with pytest.raises(Unauthenticated):
        await house.cookies.log_in(ADDRESS, credentials(password=ANOTHER), earlier.cookie)

    assert await house.by_cookie(earlier) is not None
    assert len(house.store.tables.sessions) == 1


async def test_a_password_that_is_changed_while_it_is_looked_at_opens_nothing(
    house: House,
) -> None:
    ada = await house.sign_up()
    earlier = await house.cookie_for()

    async def change() -> None:
        house.give_another_password(ada.id)

    house.passwords.meanwhile = change

    with pytest.raises(Unauthenticated) as refusal:
        await house.cookie_for(earlier=earlier.cookie)

    assert refusal.value.code == "invalid_credentials"
    assert await house.by_cookie(earlier) is not None
    assert len(house.store.tables.sessions) == 1


async def test_one_session_begins_and_the_other_ends_or_neither(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()
    earlier = await house.cookie_for()
    monkeypatch.setattr(InMemorySessions, "remove", fail)

    with pytest.raises(Failed):
        await house.cookie_for(earlier=earlier.cookie)

    assert len(house.store.tables.sessions) == 1


async def test_a_cookie_is_no_token(house: House) -> None:
    await house.sign_up()
    opened = await house.cookie_for()

    with pytest.raises(InvalidToken):
        await house.identification.by_token(opened.cookie)
    with pytest.raises(Unauthenticated):
        await house.tokens.refresh(ADDRESS, opened.cookie)
