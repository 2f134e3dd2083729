"""What services are promised of identities at a provider."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Forbidden

from .identity import ISSUER, an_account

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio

OTHER_ISSUER = "https://other.example.com"


async def test_an_identity_opens_the_account_it_was_given(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        assert await unit.identities.add(ISSUER, "ada", ada.id) is True
        assert await unit.identities.account_of(ISSUER, "ada") == ada


async def test_others_open_nothing(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.identities.add(ISSUER, "ada", ada.id)

        assert await unit.identities.account_of(ISSUER, "ADA") is None
        assert await unit.identities.account_of(OTHER_ISSUER, "ada") is None


async def test_an_identity_opens_one_account(work: Work) -> None:
    ada, eve = await an_account(work), await an_account(work)

    async with work() as unit:
        await unit.identities.add(ISSUER, "ada", ada.id)

        assert await unit.identities.add(ISSUER, "ada", ada.id) is False
        assert await unit.identities.add(ISSUER, "ada", eve.id) is False
        assert await unit.identities.account_of(ISSUER, "ada") == ada


async def test_a_provider_knows_the_owner_of_an_account_by_one_name(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.identities.add(ISSUER, "ada", ada.id)
    with pytest.raises(Forbidden) as refusal:
        async with work() as unit:
            await unit.identities.add(ISSUER, "eve", ada.id)
    async with work() as unit:
        assert await unit.identities.account_of(ISSUER, "eve") is None

    assert refusal.value.code == "other_identity"


async def test_two_providers_may_know_one_owner(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        assert await unit.identities.add(ISSUER, "ada", ada.id) is True
        assert await unit.identities.add(OTHER_ISSUER, "ada", ada.id) is True


async def test_an_account_can_be_parted_from_all_its_identities_and_no_others(work: Work) -> None:
    ada, eve = await an_account(work), await an_account(work)

    async with work() as unit:
        await unit.identities.add(ISSUER, "ada", ada.id)
        await unit.identities.add(OTHER_ISSUER, "ada", ada.id)
        await unit.identities.add(ISSUER, "eve", eve.id)

        await unit.identities.remove_all(ada.id)

        assert await unit.identities.account_of(ISSUER, "ada") is None
        assert await unit.identities.account_of(OTHER_ISSUER, "ada") is None
        assert await unit.identities.account_of(ISSUER, "eve") == eve


async def test_a_user_who_is_removed_takes_identities_along(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.identities.add(ISSUER, "ada", ada.id)
        await unit.users.remove(ada.id)

        assert await unit.identities.account_of(ISSUER, "ada") is None
