"""What services are promised of idempotency keys.

That a key is locked for others until a transaction ends takes two connections: PostgreSQL alone
promises that, to test_idempotency.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidToken
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.idempotency import Known
from phase4_layered.tests.factories import a_product, a_user, an_attempt, asking_for, stock_of

if TYPE_CHECKING:
    from phase4_layered.domain.products import Movement
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


async def a_movement(work: Work) -> Movement:
    tea = await a_product(work)
    async with work() as unit:
        movement = await unit.stock.add(tea.id, 1)
    assert movement is not None
    return movement


async def test_a_key_that_nobody_has_used_was_used_for_nothing(work: Work) -> None:
    ada = await a_user(work)

    async with work() as unit:
        assert await unit.keys.get(an_attempt(ada.id)) is None


async def test_a_key_that_nobody_uses_can_be_locked_and_locked_again(work: Work) -> None:
    ada = await a_user(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        async with unit.transaction():
            assert await unit.keys.lock(attempt)
            assert await unit.keys.lock(attempt)
        async with unit.transaction():
            assert await unit.keys.lock(attempt)


async def test_a_lock_writes_nothing_down(work: Work) -> None:
    ada = await a_user(work)
    attempt = an_attempt(ada.id)

    async with work() as unit, unit.transaction():
        await unit.keys.lock(attempt)

        assert await unit.keys.get(attempt) is None


async def test_a_key_tells_which_movement_it_made(work: Work) -> None:
    ada, movement = await a_user(work), await a_movement(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        await unit.keys.add(attempt, movement.id)

        assert await unit.keys.get(attempt) == Known(attempt.fingerprint, None, movement.id)


async def test_a_key_tells_which_order_it_made(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        outcome = await unit.orders.place(attempt, asking_for({tea.id: 1}))
        known = await unit.keys.get(attempt)

    assert outcome.placed is not None
    assert known == Known(attempt.fingerprint, outcome.placed.id, None)


async def test_a_key_is_known_with_the_request_that_used_it(work: Work) -> None:
    ada, movement = await a_user(work), await a_movement(work)
    attempt, other = an_attempt(ada.id, "key", "this"), an_attempt(ada.id, "key", "that")

    async with work() as unit:
        await unit.keys.add(attempt, movement.id)
        known = await unit.keys.get(other)

    assert known is not None
    assert known.fingerprint == attempt.fingerprint


@pytest.mark.parametrize("key", ["KEY", "key ", "kéy"])
async def test_a_key_of_other_letters_is_another(work: Work, key: str) -> None:
    ada, movement = await a_user(work), await a_movement(work)

    async with work() as unit:
        await unit.keys.add(an_attempt(ada.id, "key"), movement.id)

        assert await unit.keys.get(an_attempt(ada.id, key)) is None


async def test_another_users_key_of_the_same_letters_is_another(work: Work) -> None:
    ada, bob, movement = await a_user(work), await a_user(work), await a_movement(work)

    async with work() as unit:
        await unit.keys.add(an_attempt(ada.id, "key"), movement.id)

        assert await unit.keys.get(an_attempt(bob.id, "key")) is None


async def test_an_order_does_not_take_what_a_movement_has_used(work: Work) -> None:
    ada, movement = await a_user(work), await a_movement(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        await unit.keys.add(attempt, movement.id)
        outcome = await unit.orders.place(attempt, asking_for({movement.product_id: 1}))

    assert outcome.known == Known(attempt.fingerprint, None, movement.id)
    assert await stock_of(work, movement.product_id) == 11


async def test_a_user_who_was_removed_meanwhile_has_no_keys(work: Work) -> None:
    movement = await a_movement(work)

    with pytest.raises(InvalidToken):
        async with work() as unit:
            await unit.keys.add(an_attempt(NOBODY), movement.id)


async def test_the_keys_of_a_removed_user_are_gone(work: Work) -> None:
    ada, movement = await a_user(work), await a_movement(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        await unit.keys.add(attempt, movement.id)
        await unit.users.remove(ada.id)

        assert await unit.keys.get(attempt) is None
