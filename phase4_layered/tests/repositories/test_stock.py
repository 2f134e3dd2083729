"""What services are promised of stock and its ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.paging import START, Place
from phase4_layered.tests.factories import a_product, a_user, an_order, stock_of

if TYPE_CHECKING:
    from phase4_layered.domain.products import Movement
    from phase4_layered.services.ports import UnitOfWork, Work

pytestmark = pytest.mark.anyio

MOST = 1_000_000_000  # pieces that can be counted


async def ledger(work: Work, product_id: int) -> list[tuple[int, str, int | None]]:
    async with work() as unit:
        movements = await unit.stock.movements(product_id, START, 100)
    assert movements is not None
    return [(each.quantity, each.reason, each.order_id) for each in movements]


async def restock(unit: UnitOfWork, product_id: int, quantity: int) -> Movement:
    movement = await unit.stock.add(product_id, quantity)
    assert movement is not None
    return movement


async def test_pieces_that_come_in_are_added_and_written_down(work: Work) -> None:
    tea = await a_product(work, stock=3)

    async with work() as unit:
        movement = await restock(unit, tea.id, 4)

    assert (movement.product_id, movement.quantity) == (tea.id, 4)
    assert (movement.reason, movement.order_id) == ("restock", None)
    assert await stock_of(work, tea.id) == 7
    assert await ledger(work, tea.id) == [(4, "restock", None), (3, "initial", None)]


async def test_what_is_not_sold_cannot_come_in(work: Work) -> None:
    async with work() as unit:
        assert await unit.stock.add(NOTHING, 1) is None


async def test_a_movement_stays_there(work: Work) -> None:
    tea = await a_product(work)

    async with work() as unit:
        first = await restock(unit, tea.id, 1)
        await restock(unit, tea.id, 2)

        assert await unit.stock.movement(first.id) == first


async def test_as_many_pieces_as_can_be_counted_and_not_one_more(work: Work) -> None:
    tea = await a_product(work, stock=1)
    async with work() as unit:
        await restock(unit, tea.id, MOST - 1)

    with pytest.raises(Conflict) as refusal:
        async with work() as unit:
            await unit.stock.add(tea.id, 1)

    assert refusal.value.code == "stock_limit"
    assert await stock_of(work, tea.id) == MOST
    assert len(await ledger(work, tea.id)) == 2


async def test_an_order_takes_pieces_and_says_so(work: Work) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=3), await a_product(work)

    order = await an_order(work, ada.id, {cup.id: 1, tea.id: 2})

    assert await stock_of(work, tea.id) == 1
    assert await ledger(work, tea.id) == [(-2, "order", order.id), (3, "initial", None)]
    assert await ledger(work, cup.id) == [(-1, "order", order.id), (10, "initial", None)]


async def test_the_pieces_of_an_order_come_back_and_the_ledger_says_so(work: Work) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=3), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2, cup.id: 1})

    async with work() as unit:
        await unit.stock.take_back(order.id)

    assert await stock_of(work, tea.id) == 3
    assert await stock_of(work, cup.id) == 10
    assert (await ledger(work, tea.id))[0] == (2, "cancel", order.id)
    assert (await ledger(work, cup.id))[0] == (1, "cancel", order.id)


async def test_pieces_for_which_there_is_no_room_do_not_come_back_and_nor_do_the_others(
    work: Work,
) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=3), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2, cup.id: 1})
    async with work() as unit:
        await restock(unit, cup.id, MOST - 9)

    with pytest.raises(Conflict) as refusal:
        async with work() as unit:
            await unit.stock.take_back(order.id)

    assert refusal.value.code == "stock_limit"
    assert await stock_of(work, tea.id) == 1
    assert await stock_of(work, cup.id) == MOST


async def test_movements_are_listed_newest_first_from_behind_a_place(work: Work) -> None:
    tea, cup = await a_product(work, stock=1), await a_product(work, stock=1)
    async with work() as unit:
        second = await restock(unit, tea.id, 2)
        await restock(unit, cup.id, 9)
        third = await restock(unit, tea.id, 3)

        newest = await unit.stock.movements(tea.id, START, 2)
        behind = await unit.stock.movements(tea.id, Place(second.created_at, second.id), 2)

    assert newest == [third, second]
    assert behind is not None
    assert [(each.quantity, each.reason) for each in behind] == [(1, "initial")]


async def test_behind_the_oldest_movement_there_is_none(work: Work) -> None:
    tea = await a_product(work, stock=0)

    async with work() as unit:
        only = await restock(unit, tea.id, 2)

        assert await unit.stock.movements(tea.id, Place(only.created_at, only.id), 2) == []


async def test_without_a_product_there_is_no_ledger(work: Work) -> None:
    async with work() as unit:
        assert await unit.stock.movements(NOTHING, START, 1) is None
