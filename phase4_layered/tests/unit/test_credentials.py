"""Proving a password: counted first, as slow for strangers, and kept at today's cost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import RateLimited, Unauthenticated, Unavailable

from .identity import ADDRESS, ANOTHER, EMAIL, PASSWORD, House, credentials

if TYPE_CHECKING:
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


async def test_whoever_knows_the_password_is_known(house: House) -> None:
    ada = await house.sign_up()

    account, allowance = await house.credentials.proven(ADDRESS, credentials(EMAIL.upper()))

    assert (account.id, account.email) == (ada.id, EMAIL)
    assert allowance.remaining == house.limits.quota


@pytest.mark.parametrize(("email", "password"), [(EMAIL, ANOTHER), ("bob@example.com", PASSWORD)])
async def test_a_wrong_password_and_an_unknown_email_are_refused_alike(
    house: House, email: str, password: str
) -> None:
    await house.sign_up()

    with pytest.raises(Unauthenticated) as refusal:
        await house.credentials.proven(ADDRESS, credentials(email, password))

    assert refusal.value.code == "invalid_credentials"
    assert refusal.value.detail == "E-mail or password is wrong."
    assert refusal.value.members == {}


async def test_a_password_is_looked_at_though_nobody_has_the_email(house: House) -> None:
    with pytest.raises(Unauthenticated):
        await house.credentials.proven(ADDRESS, credentials())

    assert house.passwords.looked_at == [None]


async def test_a_password_is_looked_at_though_the_account_has_none(house: House) -> None:
    async with house.work() as work:
        await work.accounts.add_vouched_for(EMAIL, "Ada")

    with pytest.raises(Unauthenticated):
        await house.credentials.proven(ADDRESS, credentials())

    assert house.passwords.looked_at == [None]


@pytest.mark.parametrize("email", [EMAIL, "bob@example.com"])
async def test_an_attempt_too_many_costs_no_look_at_the_password(house: House, email: str) -> None:
    await house.sign_up()
    house.limits.quota = 1
    with pytest.raises(Unauthenticated):
        await house.credentials.proven(ADDRESS, credentials(email, ANOTHER))

    with pytest.raises(RateLimited):
        await house.credentials.proven(ADDRESS, credentials(email))

    assert len(house.passwords.looked_at) == 1


async def test_wrong_passwords_are_counted_until_the_right_one(house: House) -> None:
    await house.sign_up()
    house.limits.quota = 2

    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await house.credentials.proven(ADDRESS, credentials(password=ANOTHER))
        await house.credentials.proven(ADDRESS, credentials())


async def test_nothing_is_held_while_a_password_is_looked_at(house: House) -> None:
    await house.sign_up()

    # In this shop a unit of work waits for the one before it: this would wait for ever.
    house.passwords.meanwhile = lambda: house.sign_up("bob@example.com")

    await house.credentials.proven(ADDRESS, credentials())


async def test_a_hash_of_another_cost_is_made_anew(house: House) -> None:
    ada = await house.sign_up()
    version = house.row(ada.id).password_version
    house.passwords.cost = 12

    await house.credentials.proven(ADDRESS, credentials())

    row = house.row(ada.id)
    assert (row.password_hash, row.password_version) == (f"$2b$12${PASSWORD}", version)


async def test_a_hash_of_todays_cost_stays(house: House) -> None:
    ada = await house.sign_up()
    house.passwords.has_room = False  # so that none can be made

    account, _ = await house.credentials.proven(ADDRESS, credentials())

    assert house.row(ada.id).password_hash == account.password_hash


async def test_a_wrong_password_is_not_hashed(house: House) -> None:
    ada = await house.sign_up()
    house.passwords.cost = 12

    with pytest.raises(Unauthenticated):
        await house.credentials.proven(ADDRESS, credentials(password=ANOTHER))

    assert house.row(ada.id).password_hash == f"$2b$04${PASSWORD}"


async def test_no_room_for_a_new_hash_refuses_nobody(house: House) -> None:
    ada = await house.sign_up()
    house.passwords.cost, house.passwords.has_room = 12, False

    proven = asyncio.create_task(house.credentials.proven(ADDRESS, credentials()))
    await asyncio.wait([proven])

    assert proven.exception() is None
    assert proven.result()[0].id == ada.id
    assert house.row(ada.id).password_hash == f"$2b$04${PASSWORD}"


async def test_a_shop_that_is_away_does_not_say_that_the_password_is_wrong(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()

    async def too_many(*_: object) -> bool:
        raise Unavailable("overloaded", "Try again.", 1)

    monkeypatch.setattr(house.passwords, "verify", too_many)

    with pytest.raises(Unavailable):
        await house.credentials.proven(ADDRESS, credentials())


async def test_a_password_changed_during_the_rehash_stays_changed(house: House) -> None:
    ada = await house.sign_up()
    house.passwords.cost = 12

    async def change() -> None:
        house.give_another_password(ada.id)

    house.passwords.meanwhile = change

    await house.credentials.proven(ADDRESS, credentials())

    assert house.row(ada.id).password_hash == f"$2b$04${ANOTHER}"
