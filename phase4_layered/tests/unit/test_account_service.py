"""Accounts: opened as a user's, and changed only by whoever knows the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.accounts import NewRole, PasswordChange, SignUp
from phase4_layered.domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidToken,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.identity import Identity

from .conftest import ADMIN, Failed, fail, make_admin, speaking_for
from .identity import ADDRESS, ANOTHER, EMAIL, PASSWORD, House

if TYPE_CHECKING:
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

WEAK = "password123"  # one that most people choose
CHANGE = PasswordChange(current_password=PASSWORD, new_password=ANOTHER)
TO_A_THIRD = PasswordChange(current_password=PASSWORD, new_password=PASSWORD + ANOTHER)
WRONG = PasswordChange(current_password=ANOTHER, new_password=ANOTHER)


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


# ---------------------------------------------------------------- signing up


async def test_whoever_signs_up_is_a_user_nobody_vouches_for(house: House) -> None:
    new = SignUp(name="Ada", email=EMAIL, password=PASSWORD)

    user, allowance = await house.accounts.sign_up(ADDRESS, new)

    assert (user.name, user.email, user.role) == ("Ada", EMAIL, "user")
    assert (allowance.policy, allowance.remaining) == ("signup", house.limits.quota - 1)
    assert not house.row(user.id).email_verified


async def test_what_is_kept_of_the_password_is_its_hash(house: House) -> None:
    user = await house.sign_up()

    assert house.row(user.id).password_hash == await house.passwords.hash(PASSWORD)


async def test_an_email_that_is_taken_is_refused_in_any_case(house: House) -> None:
    await house.sign_up()

    with pytest.raises(Conflict) as refusal:
        await house.sign_up(EMAIL.upper())

    assert refusal.value.code == "email_taken"


@pytest.mark.parametrize("password", [WEAK, "lovelace1", "ada@example.com"])
async def test_a_password_that_would_be_guessed_is_refused(house: House, password: str) -> None:
    new = SignUp(name="Ada Lovelace", email=EMAIL, password=password)

    with pytest.raises(Invalid) as refusal:
        await house.accounts.sign_up(ADDRESS, new)

    assert [error["field"] for error in refusal.value.errors] == ["password"]
    assert house.store.tables.users == {}


async def test_one_address_can_sign_up_only_so_often(house: House) -> None:
    house.limits.quota = 1
    await house.sign_up()

    # Whoever asks on is not even told whether there is somebody with this e-mail.
    with pytest.raises(RateLimited):
        await house.sign_up()


# ---------------------------------------------------------------- another password


async def test_a_changed_password_is_the_only_one(house: House) -> None:
    ada = await house.sign_up()

    await house.accounts.change_password(speaking_for(ada), ADDRESS, CHANGE)

    with pytest.raises(Unauthenticated):
        await house.tokens_for(password=PASSWORD)
    await house.tokens_for(password=ANOTHER)


async def test_changing_it_by_a_token_ends_all_sessions_but_that_family(house: House) -> None:
    await house.sign_up()
    ours, stolen, cookie = (
        await house.tokens_for(),
        await house.tokens_for(),
        await house.cookie_for(),
    )

    await house.accounts.change_password(await house.bearer(ours), ADDRESS, CHANGE)

    await house.bearer(ours)
    await house.tokens.refresh(ADDRESS, ours.refresh_token)
    assert await house.by_cookie(cookie) is None
    with pytest.raises(InvalidToken):
        await house.bearer(stolen)
    with pytest.raises(Unauthenticated):
        await house.tokens.refresh(ADDRESS, stolen.refresh_token)


async def test_changing_it_by_a_cookie_ends_all_sessions_but_that_one(house: House) -> None:
    await house.sign_up()
    ours, stolen = await house.cookie_for(), await house.cookie_for()
    who = await house.by_cookie(ours)
    assert who is not None

    await house.accounts.change_password(who, ADDRESS, CHANGE)

    assert await house.by_cookie(ours) is not None
    assert await house.by_cookie(stolen) is None


async def test_nobody_elses_sessions_end(house: House) -> None:
    ada, _ = await house.sign_up(), await house.sign_up("eve@example.com")
    theirs = await house.tokens_for("eve@example.com")

    await house.accounts.change_password(speaking_for(ada), ADDRESS, CHANGE)

    await house.bearer(theirs)


async def test_whoever_does_not_know_the_password_changes_nothing(house: House) -> None:
    ada = await house.sign_up()
    other = await house.tokens_for()

    with pytest.raises(Forbidden) as refusal:
        await house.accounts.change_password(speaking_for(ada), ADDRESS, WRONG)

    assert refusal.value.code == "wrong_password"
    await house.bearer(other)
    await house.tokens_for(password=PASSWORD)


async def test_wrong_passwords_are_counted_with_those_of_logins(house: House) -> None:
    ada = await house.sign_up()
    house.limits.quota = 1
    with pytest.raises(Forbidden):
        await house.accounts.change_password(speaking_for(ada), ADDRESS, WRONG)

    with pytest.raises(RateLimited):
        await house.accounts.change_password(speaking_for(ada), ADDRESS, CHANGE)
    with pytest.raises(RateLimited):
        await house.tokens_for()

    assert len(house.passwords.looked_at) == 1


async def test_the_right_password_lets_the_count_begin_anew(house: House) -> None:
    ada = await house.sign_up()
    house.limits.quota = 1

    await house.accounts.change_password(speaking_for(ada), ADDRESS, CHANGE)

    await house.tokens_for(password=ANOTHER)


@pytest.mark.parametrize("password", [WEAK, "lovelace1", "ada@example.com"])
async def test_a_new_password_that_would_be_guessed_is_refused(house: House, password: str) -> None:
    ada = await house.sign_up(name="Ada Lovelace")
    change = PasswordChange(current_password=PASSWORD, new_password=password)

    with pytest.raises(Invalid) as refusal:
        await house.accounts.change_password(speaking_for(ada), ADDRESS, change)

    assert [error["field"] for error in refusal.value.errors] == ["new_password"]
    await house.tokens_for(password=PASSWORD)


async def test_a_password_that_was_changed_meanwhile_is_wrong_by_now(house: House) -> None:
    ada = await house.sign_up()

    async def change() -> None:
        house.give_another_password(ada.id)

    house.passwords.meanwhile = change

    with pytest.raises(Forbidden) as refusal:
        await house.accounts.change_password(speaking_for(ada), ADDRESS, TO_A_THIRD)

    assert refusal.value.code == "wrong_password"
    assert house.row(ada.id).password_hash == f"$2b$04${ANOTHER}"


async def test_an_account_without_a_password_has_none_to_change(house: House) -> None:
    async with house.work() as work:
        ada = await work.accounts.add_vouched_for(EMAIL, "Ada")
    assert ada is not None

    with pytest.raises(Conflict) as refusal:
        await house.accounts.change_password(Identity(ada.id, "user"), ADDRESS, CHANGE)

    assert refusal.value.code == "no_password"
    assert house.limits.counts.total() == 0


async def test_whoever_is_gone_meanwhile_has_no_account(house: House) -> None:
    with pytest.raises(NotFound):
        await house.accounts.change_password(Identity(NOBODY, "user"), ADDRESS, CHANGE)


async def test_the_password_and_the_ends_of_sessions_are_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await house.sign_up()
    other = await house.tokens_for()
    monkeypatch.setattr("phase4_layered.tests.in_memory.sessions.InMemorySessions.remove", fail)

    with pytest.raises(Failed):
        await house.accounts.change_password(speaking_for(ada), ADDRESS, CHANGE)

    await house.bearer(other)
    await house.tokens_for(password=PASSWORD)


# ---------------------------------------------------------------- another role


async def test_an_admin_can_make_another_one(house: House) -> None:
    ada = await house.sign_up()

    changed = await house.accounts.change_role(ADMIN, ada.id, NewRole(role="admin"))

    assert (changed.id, changed.role) == (ada.id, "admin")


async def test_the_last_admin_is_told_why_they_stay(house: House) -> None:
    ada = await house.sign_up()
    make_admin(house.store, ada)

    with pytest.raises(Conflict) as refusal:
        await house.accounts.change_role(ADMIN, ada.id, NewRole(role="user"))

    assert refusal.value.code == "last_admin"
    assert house.row(ada.id).role == "admin"


async def test_nobody_has_no_role(house: House) -> None:
    with pytest.raises(NotFound):
        await house.accounts.change_role(ADMIN, NOBODY, NewRole(role="admin"))
