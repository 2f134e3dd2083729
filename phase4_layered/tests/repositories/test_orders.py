"""What services are promised of orders.

That two who want the last piece at once don't both get it, and that a key is one request's at a
time, takes two connections: PostgreSQL alone promises that, to test_place_order.py and
test_idempotency.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidToken
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.idempotency import Known
from phase4_layered.domain.orders import Line, ListedOrder, OrderFilter
from phase4_layered.domain.paging import START, Place
from phase4_layered.tests.factories import (
    a_product,
    a_user,
    an_attempt,
    an_order,
    asking_for,
    stock_of,
)

if TYPE_CHECKING:
    from phase4_layered.domain.orders import Order
    from phase4_layered.services.ports import Work

    from .conftest import Kept

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def ids(
    work: Work,
    wanted: OrderFilter | None = None,
    owner: int | None = None,
    after: Place = START,
    limit: int = 100,
) -> list[int]:
    async with work() as unit:
        orders = await unit.orders.newest(wanted or OrderFilter(), owner, after, limit)
    return [order.id for order in orders]


async def test_a_placed_order_is_all_there_with_its_lines_by_product(work: Work) -> None:
    ada = await a_user(work)
    tea = await a_product(work, sku="TEA-1", name="Tea", price=250)
    cup = await a_product(work, sku="CUP-1", name="Cup", price=900)

    async with work() as unit:
        outcome = await unit.orders.place(an_attempt(ada.id), asking_for({cup.id: 1, tea.id: 2}))
        assert outcome.placed is not None
        order = (await unit.orders.by_ids([outcome.placed.id]))[outcome.placed.id]

    assert order is not None
    assert (order.user_id, order.status, order.total) == (ada.id, "placed", 1400)
    assert (order.total, order.placed_at) == (outcome.placed.total, outcome.placed.placed_at)
    assert order.items == [
        Line(tea.id, "TEA-1", "Tea", 2, 250),
        Line(cup.id, "CUP-1", "Cup", 1, 900),
    ]


async def test_an_outcome_tells_the_products_as_they_were_before(work: Work) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=3), await a_product(work)

    async with work() as unit:
        outcome = await unit.orders.place(an_attempt(ada.id), asking_for({cup.id: 1, tea.id: 2}))

    assert outcome.ours
    assert outcome.known is None
    assert [(each.id, each.stock, each.asked) for each in outcome.products] == [
        (tea.id, 3, 2),
        (cup.id, 10, 1),
    ]


async def test_an_order_keeps_the_name_and_the_price_of_its_time(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work, name="Tea", price=250)
    order = await an_order(work, ada.id, {tea.id: 1})

    async with work() as unit:
        await unit.products.change(tea.id, {"name": "Green tea", "price": 300})

        assert (await unit.orders.by_ids([order.id]))[order.id] == order


async def test_all_pieces_there_are_can_be_ordered(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)

    await an_order(work, ada.id, {tea.id: 3})

    assert await stock_of(work, tea.id) == 0


async def test_nothing_is_placed_if_one_product_is_short(work: Work) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=3), await a_product(work)
    attempt = an_attempt(ada.id)

    async with work() as unit:
        outcome = await unit.orders.place(attempt, asking_for({cup.id: 1, tea.id: 4}))
        known = await unit.keys.get(attempt)

    assert (outcome.ours, outcome.known, outcome.placed) == (True, None, None)
    assert [(each.id, each.stock, each.asked) for each in outcome.products] == [
        (tea.id, 3, 4),
        (cup.id, 10, 1),
    ]
    assert known is None
    assert await ids(work) == []
    assert await stock_of(work, cup.id) == 10


async def test_nothing_is_placed_if_one_product_is_unknown(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)

    async with work() as unit:
        outcome = await unit.orders.place(an_attempt(ada.id), asking_for({NOTHING: 1, tea.id: 1}))

    assert outcome.placed is None
    assert [each.id for each in outcome.products] == [tea.id]
    assert await ids(work) == []
    assert await stock_of(work, tea.id) == 10


async def test_a_key_that_was_used_places_nothing_and_tells_what_it_made(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)
    attempt = an_attempt(ada.id)
    async with work() as unit:
        first = await unit.orders.place(attempt, asking_for({tea.id: 2}))
    assert first.placed is not None

    async with work() as unit:
        second = await unit.orders.place(attempt, asking_for({tea.id: 2}))

    made = Known(attempt.fingerprint, first.placed.id, None)
    assert (second.known, second.placed, second.products) == (made, None, [])
    assert await stock_of(work, tea.id) == 1


async def test_a_key_tells_what_it_was_used_for_when_something_else_is_asked(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    attempt, other = an_attempt(ada.id, "key", "this"), an_attempt(ada.id, "key", "that")

    async with work() as unit:
        await unit.orders.place(attempt, asking_for({tea.id: 1}))
        outcome = await unit.orders.place(other, asking_for({tea.id: 2}))

    assert outcome.known is not None
    assert outcome.known.fingerprint == attempt.fingerprint
    assert await stock_of(work, tea.id) == 9


async def test_another_users_key_of_the_same_letters_is_another(work: Work) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)

    async with work() as unit:
        one = await unit.orders.place(an_attempt(ada.id, "key"), asking_for({tea.id: 1}))
        other = await unit.orders.place(an_attempt(bob.id, "key"), asking_for({tea.id: 1}))

    assert one.placed is not None
    assert other.placed is not None
    assert one.placed.id != other.placed.id


async def test_a_user_who_was_removed_meanwhile_can_order_nothing(work: Work) -> None:
    tea = await a_product(work)

    with pytest.raises(InvalidToken):
        async with work() as unit:
            await unit.orders.place(an_attempt(NOBODY), asking_for({tea.id: 1}))

    assert await stock_of(work, tea.id) == 10


async def test_an_id_without_an_order_has_none(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 1})

    async with work() as unit:
        assert await unit.orders.by_ids([NOTHING, order.id]) == {NOTHING: None, order.id: order}
        assert await unit.orders.by_ids([]) == {}


async def test_a_placed_order_is_cancelled_once_and_nothing_else_of_it_changes(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 1})

    async with work() as unit:
        assert await unit.orders.cancel(order.id, ada.id)
        assert not await unit.orders.cancel(order.id, ada.id)
        cancelled = (await unit.orders.by_ids([order.id]))[order.id]

    assert cancelled is not None
    assert cancelled.status == "cancelled"
    assert (cancelled.total, cancelled.items) == (order.total, order.items)


async def test_another_users_order_cannot_be_cancelled_but_by_whom_all_are_shown(
    work: Work,
) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 1})

    async with work() as unit:
        assert not await unit.orders.cancel(order.id, bob.id)
        assert await unit.orders.by_ids([order.id]) == {order.id: order}
        assert await unit.orders.cancel(order.id, None)


async def test_what_was_never_ordered_cannot_be_cancelled(work: Work) -> None:
    async with work() as unit:
        assert not await unit.orders.cancel(NOTHING, None)


async def test_orders_are_listed_newest_first_without_their_lines(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    first, second = [await an_order(work, ada.id, {tea.id: 1}) for _ in range(2)]

    async with work() as unit:
        orders = await unit.orders.newest(OrderFilter(), None, START, 10)

    assert orders == [listed(second), listed(first)]


async def test_orders_of_one_instant_are_listed_by_their_ids(kept: Kept) -> None:
    ada, tea = await a_user(kept.work), await a_product(kept.work)
    orders = [await an_order(kept.work, ada.id, {tea.id: 1}) for _ in range(3)]
    first, second, third = [order.id for order in orders]
    for order in (second, first):
        await kept.move_order(order, NOON)
    await kept.move_order(third, NOON - timedelta(microseconds=1))

    assert await ids(kept.work) == [second, first, third]
    assert await ids(kept.work, after=Place(NOON, second)) == [first, third]
    assert await ids(kept.work, after=Place(NOON, first)) == [third]
    assert await ids(kept.work, after=Place(NOON - timedelta(microseconds=1), third)) == []


async def test_no_more_orders_are_listed_than_were_asked_for(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    _, second, third = [await an_order(work, ada.id, {tea.id: 1}) for _ in range(3)]

    assert await ids(work, limit=2) == [third.id, second.id]


async def test_orders_are_listed_by_state_and_by_user(work: Work) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)
    adas, gone, bobs = [await an_order(work, each.id, {tea.id: 1}) for each in (ada, ada, bob)]
    async with work() as unit:
        await unit.orders.cancel(gone.id, None)

    assert await ids(work, OrderFilter(status="placed")) == [bobs.id, adas.id]
    assert await ids(work, OrderFilter(status="cancelled")) == [gone.id]
    assert await ids(work, OrderFilter(user_id=ada.id)) == [gone.id, adas.id]
    assert await ids(work, OrderFilter("placed", ada.id)) == [adas.id]
    assert await ids(work, OrderFilter("cancelled", bob.id)) == []


async def test_an_owner_is_shown_only_what_is_theirs(work: Work) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)
    adas, bobs = [await an_order(work, each.id, {tea.id: 1}) for each in (ada, bob)]

    assert await ids(work, owner=ada.id) == [adas.id]
    assert await ids(work, OrderFilter(user_id=bob.id), owner=ada.id) == []
    assert await ids(work, OrderFilter(user_id=bob.id), owner=bob.id) == [bobs.id]


def listed(order: Order) -> ListedOrder:
    return ListedOrder(order.id, order.user_id, order.status, order.total, order.placed_at)
