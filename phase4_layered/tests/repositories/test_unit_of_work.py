"""What services are promised of a unit of work: each call by itself, or a block of them together.

What one unit of work sees of another one that is under way is not asked here: in memory there is
one at a time. PostgreSQL shows nobody what is not committed, and has tests with two connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict
from phase4_layered.domain.users import NewUser, UserQuery
from phase4_layered.tests.factories import a_product, a_user, an_attempt, asking_for, stock_of

if TYPE_CHECKING:
    from phase4_layered.services.ports import UnitOfWork, Work

pytestmark = pytest.mark.anyio


class Failed(Exception):
    """Something of the service's own that went wrong."""


async def add(unit: UnitOfWork, *names: str) -> None:
    for name in names:
        await unit.users.add(NewUser(name=name, email=f"{name}@example.com"))


async def add_and_fail(unit: UnitOfWork, *names: str) -> None:
    await add(unit, *names)
    raise Failed


async def names(work: Work) -> list[str]:
    async with work() as unit:
        return [user.name for user in (await unit.users.page(UserQuery())).items]


async def test_all_that_is_to_be_kept_has_its_place(work: Work) -> None:
    async with work() as unit:
        await unit.check()


async def test_what_a_unit_of_work_has_done_the_next_one_sees(work: Work) -> None:
    async with work() as unit:
        await add(unit, "Ada")

    assert await names(work) == ["Ada"]


async def test_each_call_takes_effect_by_itself_whatever_comes_after(work: Work) -> None:
    with pytest.raises(Failed):
        async with work() as unit:
            await add_and_fail(unit, "Ada")

    assert await names(work) == ["Ada"]


async def test_a_transaction_takes_effect_when_its_block_ends(work: Work) -> None:
    async with work() as unit, unit.transaction():
        await add(unit, "Ada", "Bob")

    assert await names(work) == ["Ada", "Bob"]


async def test_a_transaction_sees_what_it_has_done_so_far(work: Work) -> None:
    async with work() as unit, unit.transaction():
        await add(unit, "Ada")

        assert (await unit.users.page(UserQuery())).total == 1


async def test_nothing_of_a_transaction_is_left_when_an_exception_leaves_it(work: Work) -> None:
    ada, tea = await a_user(work, "Ada"), await a_product(work, stock=3)
    attempt = an_attempt(ada.id)

    async def change_all_and_fail(unit: UnitOfWork) -> None:
        await unit.users.change(ada.id, {"name": "Eve"})
        await unit.orders.place(attempt, asking_for({tea.id: 2}))
        await unit.stock.add(tea.id, 9)
        raise Failed

    with pytest.raises(Failed):
        async with work() as unit, unit.transaction():
            await change_all_and_fail(unit)

    assert await names(work) == ["Ada"]
    assert await stock_of(work, tea.id) == 3
    async with work() as unit:
        assert await unit.keys.get(attempt) is None


async def test_a_refusal_undoes_what_came_before_it(work: Work) -> None:
    await a_user(work, "Ada", "ada@example.com")

    with pytest.raises(Conflict):
        async with work() as unit, unit.transaction():
            await add(unit, "Bob", "Ada")

    assert await names(work) == ["Ada"]


async def test_what_is_around_a_transaction_stays_when_it_is_undone(work: Work) -> None:
    async with work() as unit:
        await add(unit, "Ada")
        with pytest.raises(Failed):
            async with unit.transaction():
                await add_and_fail(unit, "Bob")
        await add(unit, "Cid")

    assert await names(work) == ["Ada", "Cid"]
