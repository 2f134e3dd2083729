"""Forgetting what is over: all of it, in parts, and nothing that lives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from phase4_layered.services import retention
from phase4_layered.services.oauth import LIFETIME
from phase4_layered.services.retention import EXPIRING, RetentionService
from phase4_layered.tests.factories import a_product, a_user, an_order
from phase4_layered.tests.in_memory.retention import InMemoryRetention

from .identity import A_MOMENT, ADDRESS, LIFETIMES, House

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from phase4_layered.services.ports import UnitOfWork
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio

NOTHING = dict.fromkeys(EXPIRING, 0)


@pytest.fixture
def house(store: Store) -> House:
    """Keep a shop in memory."""
    return House(store)


@pytest.fixture
def service(house: House) -> RetentionService:
    """Forget there."""
    return RetentionService(house.work, house.clock)


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Forget two at once; tells how many each part has forgotten."""
    forgotten: list[int] = []
    forget_keys = InMemoryRetention.forget_keys

    async def noted(repository: InMemoryRetention, kept: str, at_once: int) -> int:
        forgotten.append(await forget_keys(repository, kept, at_once))
        return forgotten[-1]

    monkeypatch.setattr(InMemoryRetention, "forget_keys", noted)
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    return forgotten


async def use_everything(house: House) -> None:
    """Leave one of each kind that expires."""
    await house.sign_up()
    await house.cookie_for()
    ended = await house.bearer(await house.tokens_for())
    await house.tokens_for()
    await house.sessions.log_out(ended)
    await house.oauth.begin(ADDRESS, "/")


async def test_nothing_that_lives_is_forgotten(house: House, service: RetentionService) -> None:
    await use_everything(house)

    assert await service.forget_expired() == NOTHING


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (LIFETIME, {"unfinished logins": 1}),
        (LIFETIMES.access_token, {"denials": 1, "unfinished logins": 1}),
        (LIFETIMES.session, {"sessions": 1, "denials": 1, "unfinished logins": 1}),
    ],
)
async def test_what_expires_is_forgotten_at_that_moment(
    house: House, service: RetentionService, after: timedelta, what: dict[str, int]
) -> None:
    await use_everything(house)
    house.clock.let_pass(after)

    assert await service.forget_expired() == NOTHING | what
    assert await service.forget_expired() == NOTHING


async def test_a_refresh_token_goes_before_its_family(
    house: House, service: RetentionService
) -> None:
    await house.sign_up()
    await house.tokens_for()

    house.clock.let_pass(LIFETIMES.refresh_token)
    first = await service.forget_expired()
    house.clock.let_pass(LIFETIMES.family - LIFETIMES.refresh_token)
    then = await service.forget_expired()

    assert (first, then) == (NOTHING | {"refresh tokens": 1}, NOTHING | {"sessions": 1})


async def test_keys_are_kept_for_a_day(
    house: House, store: Store, service: RetentionService
) -> None:
    ada, tea = await a_user(house.work), await a_product(house.work)
    await an_order(house.work, ada.id, {tea.id: 1})
    keys = store.tables.keys
    made = {key: replace(row, created_at=house.clock()) for key, row in keys.items()}
    keys.update(made)

    house.clock.let_pass(timedelta(hours=24))
    assert await service.forget_keys() == 0
    house.clock.let_pass(A_MOMENT)
    assert await service.forget_keys() == 1
    assert keys == {}


async def test_each_part_is_a_unit_of_work_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A connection is lent for a few seconds; all parts together may take an hour.
    parts, begun = iter([2, 2, 1, 0]), 0

    def work() -> AbstractAsyncContextManager[UnitOfWork]:
        nonlocal begun
        begun += 1
        return house.work()

    async def forget_some(*_: object) -> int:
        return next(parts)

    monkeypatch.setattr(InMemoryRetention, "forget_keys", forget_some)

    forgotten = await RetentionService(work, house.clock).forget_keys()

    assert (forgotten, begun) == (5, 4)


async def test_all_is_forgotten_however_many_parts_it_takes(
    house: House, service: RetentionService, parts: list[int]
) -> None:
    ada, tea = await a_user(house.work), await a_product(house.work)
    for _ in range(5):
        await an_order(house.work, ada.id, {tea.id: 1})
    house.clock.let_pass(timedelta(days=2))

    assert await service.forget_keys() == 5
    assert parts == [2, 2, 1, 0]
