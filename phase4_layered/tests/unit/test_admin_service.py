"""The first admin: somebody with an account, or a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.accounts import Promoted, SignUp
from phase4_layered.domain.errors import Invalid
from phase4_layered.services.admins import AdminService

from .identity import EMAIL, PASSWORD, House

if TYPE_CHECKING:
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

NEW = SignUp(name="Admin", email=EMAIL, password=PASSWORD)


@pytest.fixture
def house(store: Store) -> House:
    """Keep a shop in memory."""
    return House(store)


@pytest.fixture
def service(house: House) -> AdminService:
    """Make admins there."""
    return AdminService(house.work, house.passwords)


async def test_somebody_with_an_account_is_made_an_admin(
    house: House, service: AdminService
) -> None:
    ada = await house.sign_up()

    promoted = await service.promote(EMAIL.upper())

    assert promoted == Promoted(ada.id, unproven=True)
    assert house.row(ada.id).role == "admin"


async def test_nobody_is_made_an_admin_by_an_unknown_email(service: AdminService) -> None:
    assert await service.promote(EMAIL) is None


async def test_an_account_is_opened_for_an_admin(house: House, service: AdminService) -> None:
    assert await service.open_account(NEW) is None

    tokens = await house.tokens_for()
    assert (await house.bearer(tokens)).role == "admin"


async def test_an_account_that_was_opened_meanwhile_is_made_an_admins_and_told(
    house: House, service: AdminService
) -> None:
    ada = await house.sign_up()

    promoted = await service.open_account(NEW)

    assert promoted == Promoted(ada.id, unproven=True)
    assert (house.row(ada.id).name, house.row(ada.id).role) == ("Ada", "admin")


@pytest.mark.parametrize("password", ["password123", EMAIL])
async def test_an_admins_password_is_not_one_that_would_be_guessed(
    house: House, service: AdminService, password: str
) -> None:
    weak = SignUp(name="Admin", email=EMAIL, password=password)

    with pytest.raises(Invalid) as refusal:
        await service.open_account(weak)

    assert [error["field"] for error in refusal.value.errors] == ["password"]
    assert house.store.tables.users == {}
