"""Login through a provider: out and back in one browser, once, in time, and vouched for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Forbidden, NotFound, RateLimited, Unauthenticated
from phase4_layered.domain.logins import Callback, LoginRefused, Profile, state_of
from phase4_layered.services.oauth import LIFETIME
from phase4_layered.tests.in_memory.sessions import InMemorySessions

from .conftest import Failed, fail
from .identity import A_MOMENT, ADDRESS, EMAIL, LIFETIMES, House

if TYPE_CHECKING:
    from datetime import datetime

    from phase4_layered.domain.accounts import Account
    from phase4_layered.services.oauth import Begun
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

ADA = Profile(sub="ada", email=EMAIL, email_verified=True, name="Ada")


@pytest.fixture
def house(store: Store) -> House:
    """Serve a shop in memory, and a provider that knows Ada."""
    house = House(store)
    house.their.people["code"] = ADA
    return house


async def begin(house: House) -> Begun:
    return await house.oauth.begin(ADDRESS, "/orders")


def back(begun: Begun, code: str = "code") -> Callback:
    """Come back from where one was sent."""
    return Callback(state=state_of(begun.secret), code=code)


async def refused(house: House, secret: str, callback: Callback) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        await house.oauth.finish(secret, callback, "")
    assert refusal.value.code == "login_expired"


async def test_without_a_provider_there_is_no_such_login(house: House) -> None:
    service = house.oauth_with(None)

    with pytest.raises(NotFound) as begun:
        await service.begin(ADDRESS, "/")
    with pytest.raises(NotFound) as finished:
        await service.finish("secret", Callback(state="state", code="code"), "")

    assert begun.value.code == finished.value.code == "oauth_not_configured"
    assert house.limits.counts.total() == 0


async def test_a_browser_is_sent_with_a_state_that_does_not_tell_its_secret(house: House) -> None:
    begun = await begin(house)

    assert begun.url == f"{house.their.issuer}/authorize?state={state_of(begun.secret)}"
    assert begun.secret not in begun.url
    assert begun.secret not in repr(house.store.tables)
    assert (begun.allowance.policy, begun.allowance.remaining) == ("oauth", house.limits.quota - 1)


async def test_no_two_logins_are_alike(house: House) -> None:
    await begin(house)
    await begin(house)

    first, second = house.their.begun
    assert not set(first) & set(second)


async def test_an_address_begins_only_so_often(house: House) -> None:
    house.limits.quota = 1
    await begin(house)

    with pytest.raises(RateLimited):
        await begin(house)

    assert len(house.their.begun) == 1


async def test_whoever_comes_back_is_logged_in_and_goes_on_where_they_wanted(house: House) -> None:
    begun = await begin(house)

    login, opened = await house.oauth.finish(begun.secret, back(begun), "")

    assert login.return_to == "/orders"
    assert opened.expires_at == house.clock() + LIFETIMES.session
    who = await house.by_cookie(opened)
    assert who is not None
    assert house.row(who.user_id).email == EMAIL


async def test_the_earlier_session_of_the_browser_ends(house: House) -> None:
    await house.sign_up("eve@example.com")
    earlier, begun = await house.cookie_for("eve@example.com"), await begin(house)

    await house.oauth.finish(begun.secret, back(begun), earlier.cookie)

    assert await house.by_cookie(earlier) is None


# ---------------------------------------------------------------- who may come back


async def test_another_browser_is_refused_and_does_not_use_up_the_login(house: House) -> None:
    ours, theirs = await begin(house), await begin(house)

    for secret in (theirs.secret, "", "é", state_of(ours.secret)):
        await refused(house, secret, back(ours))

    await house.oauth.finish(ours.secret, back(ours), "")


async def test_a_login_comes_back_once(house: House) -> None:
    begun = await begin(house)
    await house.oauth.finish(begun.secret, back(begun), "")
    house.their.people["another"] = ADA

    await refused(house, begun.secret, back(begun, "another"))


async def test_a_login_comes_back_in_time(house: House) -> None:
    first, second = await begin(house), await begin(house)
    house.their.people["another"] = ADA

    house.clock.let_pass(LIFETIME - A_MOMENT)
    await house.oauth.finish(first.secret, back(first), "")
    house.clock.let_pass(A_MOMENT)
    await refused(house, second.secret, back(second, "another"))


async def test_a_login_that_nobody_began_is_refused(house: House) -> None:
    await refused(house, "secret", Callback(state=state_of("secret"), code="code"))

    assert "code" in house.their.people


# ---------------------------------------------------------------- whom the provider vouches for


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://mallory.example"}, "other_issuer"),
        ({"code": None, "error": "access_denied"}, "by_the_provider"),
        ({"error": "access_denied"}, "by_the_provider"),
        ({"code": None}, "by_the_provider"),
        ({"code": "made-up"}, "code_refused"),
    ],
)
async def test_whom_the_provider_does_not_vouch_for_stays_outside(
    house: House, caplog: pytest.LogCaptureFixture, changes: dict[str, str | None], why: str
) -> None:
    begun = await begin(house)
    callback = back(begun).model_copy(update=changes)

    with caplog.at_level(logging.WARNING), pytest.raises(LoginRefused) as refusal:
        await house.oauth.finish(begun.secret, callback, "")

    assert refusal.value.code == "login_refused"
    assert f"oauth.refused why={why}" in caplog.text
    assert "access_denied" not in caplog.text
    assert house.store.tables.sessions == {}
    # The login was taken, and so it is over.
    await refused(house, begun.secret, back(begun))


async def test_the_provider_is_asked_with_what_the_login_began_with(house: House) -> None:
    begun = await begin(house)
    house.their.begun.clear()  # it has never seen this nonce

    with pytest.raises(LoginRefused):
        await house.oauth.finish(begun.secret, back(begun), "")


async def test_nothing_is_held_while_the_provider_is_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await begin(house)

    async def slowly(*_: object) -> Profile:
        # In this shop a unit of work waits for the one before it: this would wait for ever.
        await house.sign_up("bob@example.com")
        return ADA

    monkeypatch.setattr("phase4_layered.tests.unit.identity.ProviderInMemory.redeem", slowly)

    await house.oauth.finish(begun.secret, back(begun), "")


async def test_an_email_nobody_verified_leaves_no_trace(house: House) -> None:
    house.their.people["code"] = Profile(sub="eve", email=EMAIL, email_verified=False)
    begun = await begin(house)

    with pytest.raises(Forbidden) as refusal:
        await house.oauth.finish(begun.secret, back(begun), "")

    assert refusal.value.code == "email_not_verified"
    assert (house.store.tables.users, house.store.tables.sessions) == ({}, {})


async def test_no_account_is_made_for_a_session_that_cannot_begin(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InMemorySessions, "open", fail)
    begun = await begin(house)

    with pytest.raises(Failed):
        await house.oauth.finish(begun.secret, back(begun), "")

    assert (house.store.tables.users, house.store.tables.identities) == ({}, {})


async def test_a_password_that_was_changed_meanwhile_is_looked_at_again(
    house: House, monkeypatch: pytest.MonkeyPatch, pauses: list[object]
) -> None:
    open_session, changed = InMemorySessions.open, iter([True])

    async def unless_changed(
        sessions: InMemorySessions,
        account: Account,
        cookie_hash: bytes,
        at: datetime,
        expires_at: datetime,
    ) -> bool:
        if next(changed, False):
            return False
        return await open_session(sessions, account, cookie_hash, at, expires_at)

    monkeypatch.setattr(InMemorySessions, "open", unless_changed)
    begun = await begin(house)

    _, opened = await house.oauth.finish(begun.secret, back(begun), "")

    assert await house.by_cookie(opened) is not None
    assert len(pauses) == 2
