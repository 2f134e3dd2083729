"""Whose account a person at the provider opens, and that nobody lies in wait in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Forbidden, InvalidToken, Unauthenticated, Unavailable
from phase4_layered.domain.logins import Callback, Profile, state_of
from phase4_layered.services.identities import account_of, name_for
from phase4_layered.services.retrying import PAUSES, TryAgain
from phase4_layered.tests.in_memory.accounts import InMemoryAccounts
from phase4_layered.tests.in_memory.identities import InMemoryIdentities

from .identity import ADDRESS, ANOTHER, EMAIL, House

if TYPE_CHECKING:
    from phase4_layered.domain.accounts import Account
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

ISSUER = "https://id.example.com"


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory."""
    return House(store)


def person(sub: str = "ada", email: object = EMAIL, name: object = "Ada") -> Profile:
    """Be somebody whose e-mail the provider has verified."""
    return Profile(sub=sub, email=email, email_verified=True, name=name)


async def account_for(house: House, profile: Profile, issuer: str = ISSUER) -> tuple[Account, str]:
    async with house.work() as work, work.transaction():
        return await account_of(work, issuer, profile, house.clock())


async def finish_a_login(house: House) -> None:
    begun = await house.oauth.begin(ADDRESS, "/")
    callback = Callback(state=state_of(begun.secret), code="code")
    await house.oauth.finish(begun.secret, callback, "")


# ---------------------------------------------------------------- known, new, linked


async def test_a_person_who_is_new_gets_an_account_without_a_password(house: House) -> None:
    account, how = await account_for(house, person())

    row = house.row(account.id)
    assert how == "created"
    assert (row.name, row.email, row.role, row.password_hash) == ("Ada", EMAIL, "user", None)
    assert row.email_verified


async def test_a_person_who_is_known_needs_no_email(house: House) -> None:
    created, _ = await account_for(house, person())

    known, how = await account_for(house, Profile(sub="ada"))

    assert (known, how) == (created, "known")


async def test_a_person_is_known_by_the_identity_and_not_by_the_email(house: House) -> None:
    await house.sign_up("bob@example.com", "Bob")
    created, _ = await account_for(house, person())

    known, how = await account_for(house, person(email="bob@example.com"))

    assert (known, how) == (created, "known")


async def test_an_account_that_was_vouched_for_is_linked_and_stays_as_it_is(house: House) -> None:
    created, _ = await account_for(house, person())
    async with house.work() as work:
        await work.accounts.change_password(created, await house.passwords.hash(ANOTHER))
    session = await house.tokens_for(password=ANOTHER)

    linked, how = await account_for(house, person(), "https://other.example.com")

    assert (linked.id, how) == (created.id, "linked")
    await house.bearer(session)
    await house.tokens_for(password=ANOTHER)


async def test_a_second_person_with_the_same_email_is_not_let_in(house: House) -> None:
    await account_for(house, person())

    with pytest.raises(Forbidden) as refusal:
        await account_for(house, person("somebody-later"))

    assert refusal.value.code == "other_identity"


# ---------------------------------------------------------------- pre-hijacking


async def test_whoever_signed_up_with_a_foreign_email_loses_every_way_in(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    mallory = await house.sign_up(EMAIL, "Mallory")
    tokens, cookie = await house.tokens_for(), await house.cookie_for()
    async with house.work() as work:
        await work.identities.add("https://other.example.com", "mallory", mallory.id)

    with caplog.at_level(logging.WARNING):
        account, how = await account_for(house, person(email=EMAIL.upper()))

    assert (account.id, how) == (mallory.id, "linked")
    assert f"auth.unproven_account_claimed user_id={mallory.id}" in caplog.text
    with pytest.raises(Unauthenticated):
        await house.tokens_for()
    with pytest.raises(InvalidToken):
        await house.bearer(tokens)
    with pytest.raises(Unauthenticated):
        await house.tokens.refresh(ADDRESS, tokens.refresh_token)
    assert await house.by_cookie(cookie) is None
    assert house.store.tables.identities == {(ISSUER, "ada"): mallory.id}


async def test_the_account_that_is_returned_is_the_one_after_the_claim(house: House) -> None:
    await house.sign_up()

    account, _ = await account_for(house, person())

    row = house.row(account.id)
    assert (account.password_hash, account.password_version) == (None, row.password_version)


async def test_a_login_under_way_does_not_outlive_the_claim(house: House) -> None:
    await house.sign_up()
    house.passwords.meanwhile = lambda: account_for(house, person())

    with pytest.raises(Unauthenticated):
        await house.cookie_for()

    assert house.store.tables.sessions == {}


async def test_a_claim_that_fails_has_ended_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.sign_up()
    tokens = await house.tokens_for()

    async def not_ours(*_: object) -> bool:
        return False

    monkeypatch.setattr(InMemoryIdentities, "add", not_ours)
    with pytest.raises(TryAgain):
        await account_for(house, person())

    await house.bearer(tokens)
    await house.tokens_for()


# ---------------------------------------------------------------- two at once


async def test_who_finds_that_another_was_quicker_looks_again(
    house: House, monkeypatch: pytest.MonkeyPatch, pauses: list[object]
) -> None:
    add = InMemoryIdentities.add
    another_was_quicker = iter([True])

    async def beaten_once(
        identities: InMemoryIdentities, issuer: str, subject: str, user_id: int
    ) -> bool:
        if next(another_was_quicker, False):
            return False
        return await add(identities, issuer, subject, user_id)

    monkeypatch.setattr(InMemoryIdentities, "add", beaten_once)
    house.their.people["code"] = person()

    await finish_a_login(house)

    assert len(pauses) == 2
    assert len(house.store.tables.users) == len(house.store.tables.sessions) == 1


async def test_an_account_that_has_gone_meanwhile_is_looked_for_again(
    house: House, monkeypatch: pytest.MonkeyPatch, pauses: list[object]
) -> None:
    async def there_was_one(*_: object) -> None:
        pass

    monkeypatch.setattr(InMemoryAccounts, "add_vouched_for", there_was_one)
    house.their.people["code"] = person()

    with pytest.raises(Unavailable) as refusal:
        await finish_a_login(house)

    assert refusal.value.code == "overloaded"
    assert len(pauses) == len(PAUSES)


# ---------------------------------------------------------------- what a profile is good for


@pytest.mark.parametrize("verified", [False, None, "true", "false", 1])
async def test_only_true_says_that_an_email_is_verified(house: House, verified: object) -> None:
    await house.sign_up()
    profile = Profile(sub="eve", email=EMAIL, email_verified=verified)

    with pytest.raises(Forbidden) as refusal:
        await account_for(house, profile)

    assert refusal.value.code == "email_not_verified"


@pytest.mark.parametrize("email", [None, 7, "", "ada", "ada@example", [EMAIL], "a" * 251 + "@b.c"])
async def test_what_is_no_email_opens_nothing(house: House, email: object) -> None:
    with pytest.raises(Forbidden):
        await account_for(house, person(email=email))

    assert house.store.tables.users == {}


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\0 ", "Ada"),
        ("x" * 101, "x" * 100),
        ("x" * 99 + " y", "x" * 99),
        ("", "ada"),
        (" \0 ", "ada"),
        (None, "ada"),
        (7, "ada"),
    ],
)
def test_a_name_is_made_of_what_the_provider_says_or_else_of_the_email(
    told: object, name: str
) -> None:
    assert name_for(person(name=told), EMAIL) == name
