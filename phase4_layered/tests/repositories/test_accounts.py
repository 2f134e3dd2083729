"""What services are promised of accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.accounts import Account, Promoted
from phase4_layered.domain.errors import Conflict
from phase4_layered.domain.fields import ID_MAX as NOBODY

from .identity import ANOTHER_HASH, HASH, an_account, sign_up, the_account

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


async def role_of(work: Work, user_id: int) -> str | None:
    async with work() as unit:
        user = (await unit.users.by_ids([user_id]))[user_id]
    return user and user.role


async def an_admin(work: Work) -> int:
    account = await an_account(work)
    async with work() as unit:
        await unit.accounts.promote(account.email)
    return account.id


async def test_a_new_account_is_a_users_and_has_the_password(work: Work) -> None:
    async with work() as unit:
        user = await unit.accounts.add(sign_up("Ada@example.com"), HASH)
        account = await unit.accounts.get(user.id)

    assert (user.name, user.email, user.role) == ("Ada", "Ada@example.com", "user")
    assert account is not None
    assert (account.id, account.email, account.password_hash) == (user.id, "Ada@example.com", HASH)


async def test_an_email_has_one_account_in_any_case(work: Work) -> None:
    await an_account(work, "ada@example.com")

    with pytest.raises(Conflict) as refusal:
        await an_account(work, "ADA@example.com")
    async with work() as unit:
        assert await unit.accounts.add_vouched_for("ADA@example.com", "Ada") is None
        assert await unit.accounts.add_admin(sign_up("ADA@example.com"), HASH) is False

    assert refusal.value.code == "email_taken"


async def test_an_account_is_found_by_its_email_in_any_case(work: Work) -> None:
    ada = await an_account(work, "ada@example.com")

    async with work() as unit, unit.transaction():
        assert await unit.accounts.by_email("ADA@example.com") == ada
        assert await unit.accounts.lock_by_email("ADA@example.com") == ada


async def test_who_is_unknown_has_no_account(work: Work) -> None:
    async with work() as unit, unit.transaction():
        assert await unit.accounts.get(NOBODY) is None
        assert await unit.accounts.by_email("ada@example.com") is None
        assert await unit.accounts.lock_by_email("ada@example.com") is None


async def test_whoever_was_vouched_for_has_no_password(work: Work) -> None:
    async with work() as unit:
        account = await unit.accounts.add_vouched_for("ada@example.com", "Ada")
        assert account is not None
        found = await unit.accounts.get(account.id)

    assert (account.email, account.password_hash) == ("ada@example.com", None)
    assert found == account
    assert await role_of(work, account.id) == "user"


async def test_an_admin_can_be_added_with_a_password(work: Work) -> None:
    async with work() as unit:
        assert await unit.accounts.add_admin(sign_up("ada@example.com"), HASH) is True
        account = await unit.accounts.by_email("ada@example.com")

    assert account is not None
    assert account.password_hash == HASH
    assert await role_of(work, account.id) == "admin"


async def test_a_changed_password_is_counted(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        assert await unit.accounts.change_password(ada, ANOTHER_HASH) is True

    version = ada.password_version + 1
    changed = replace(ada, password_hash=ANOTHER_HASH, password_version=version)
    assert await the_account(work, ada.id) == changed


async def test_of_two_who_looked_at_one_password_the_first_changes_it(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        assert await unit.accounts.change_password(ada, ANOTHER_HASH) is True
        assert await unit.accounts.change_password(ada, HASH) is False

    assert (await the_account(work, ada.id)).password_hash == ANOTHER_HASH


async def test_nobodys_password_cannot_be_changed(work: Work) -> None:
    nobody = Account(NOBODY, "nobody@example.com", HASH, 1)

    async with work() as unit:
        assert await unit.accounts.change_password(nobody, ANOTHER_HASH) is False


async def test_another_hash_of_the_same_password_is_not_counted(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.accounts.rehash(ada, ANOTHER_HASH)

    assert await the_account(work, ada.id) == replace(ada, password_hash=ANOTHER_HASH)


async def test_a_password_that_was_changed_meanwhile_is_not_rehashed(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        await unit.accounts.change_password(ada, ANOTHER_HASH)
        await unit.accounts.rehash(ada, "$2b$06$old")

    assert (await the_account(work, ada.id)).password_hash == ANOTHER_HASH


async def test_where_there_is_no_password_none_is_rehashed(work: Work) -> None:
    async with work() as unit:
        ada = await unit.accounts.add_vouched_for("ada@example.com", "Ada")
        assert ada is not None
        await unit.accounts.rehash(ada, HASH)

    assert await the_account(work, ada.id) == ada


async def test_vouching_for_an_email_ends_its_password_once(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        proven = await unit.accounts.vouch_for(ada.id)
        again = await unit.accounts.vouch_for(ada.id)

    version = ada.password_version + 1
    assert proven == replace(ada, password_hash=None, password_version=version)
    assert again is None
    assert await the_account(work, ada.id) == proven


async def test_nobody_is_vouched_for_who_was_before_or_who_is_unknown(work: Work) -> None:
    async with work() as unit:
        ada = await unit.accounts.add_vouched_for("ada@example.com", "Ada")
        assert ada is not None

        assert await unit.accounts.vouch_for(ada.id) is None
        assert await unit.accounts.vouch_for(NOBODY) is None


async def test_a_role_can_be_changed(work: Work) -> None:
    ada = await an_account(work)

    async with work() as unit:
        changed = await unit.accounts.change_role(ada.id, "admin")

    assert changed is not None
    assert (changed.id, changed.role) == (ada.id, "admin")
    assert await role_of(work, ada.id) == "admin"


async def test_nobody_has_no_role_to_change(work: Work) -> None:
    async with work() as unit:
        assert await unit.accounts.change_role(NOBODY, "admin") is None


async def test_the_last_admin_stays_one(work: Work) -> None:
    ada, bob = await an_admin(work), await an_admin(work)

    async with work() as unit:
        assert await unit.accounts.change_role(ada, "user") is not None
        assert await unit.accounts.change_role(bob, "user") is None
        assert await unit.accounts.change_role(bob, "admin") is not None

    assert (await role_of(work, ada), await role_of(work, bob)) == ("user", "admin")


async def test_a_user_stays_one_though_there_is_one_admin(work: Work) -> None:
    ada, _ = await an_account(work), await an_admin(work)

    async with work() as unit:
        assert await unit.accounts.change_role(ada.id, "user") is not None


async def test_promoting_an_email_nobody_vouched_for_is_told(work: Work) -> None:
    ada = await an_account(work, "ada@example.com")

    async with work() as unit:
        first = await unit.accounts.promote("ADA@example.com")
        again = await unit.accounts.promote("ADA@example.com")

    assert first == Promoted(ada.id, unproven=True)
    assert again == Promoted(ada.id, unproven=False)
    assert await role_of(work, ada.id) == "admin"


async def test_promoting_an_email_that_was_vouched_for_is_safe(work: Work) -> None:
    async with work() as unit:
        ada = await unit.accounts.add_vouched_for("ada@example.com", "Ada")
        assert ada is not None

        assert await unit.accounts.promote("ada@example.com") == Promoted(ada.id, unproven=False)


async def test_an_unknown_email_is_not_promoted(work: Work) -> None:
    async with work() as unit:
        assert await unit.accounts.promote("ada@example.com") is None
