"""Orders: placing one, all of it or nothing; cancelling it; and who may look."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import (
    Conflict,
    Invalid,
    KeyReused,
    NotFound,
    TryAgain,
    Unavailable,
)
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.idempotency import RequestInFlight
from phase4_layered.domain.orders import OrderFilter, Outcome
from phase4_layered.domain.paging import START
from phase4_layered.services.orders import OrderService, PlacedOrder
from phase4_layered.services.retrying import PAUSES
from phase4_layered.tests.factories import (
    a_product,
    a_user,
    an_attempt,
    an_order,
    asking_for,
    stock_of,
)
from phase4_layered.tests.in_memory.orders import InMemoryOrders
from phase4_layered.tests.in_memory.stock import InMemoryStock

from .conftest import ADMIN, Failed, fail, speaking_for

if TYPE_CHECKING:
    from phase4_layered.domain.idempotency import Attempt
    from phase4_layered.domain.orders import NewOrder
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(work: Work) -> OrderService:
    """Serve the shop in memory."""
    return OrderService(work)


# ---------------------------------------------------------------- placing


async def test_an_order_is_placed_at_the_prices_of_now(work: Work, service: OrderService) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, price=250), await a_product(work)

    placed = await service.place(an_attempt(ada.id), asking_for({cup.id: 1, tea.id: 2}))

    assert not placed.replayed
    assert (placed.order.user_id, placed.order.status) == (ada.id, "placed")
    assert placed.order.total == 750
    assert [(line.product_id, line.quantity) for line in placed.order.items] == [
        (tea.id, 2),
        (cup.id, 1),
    ]


async def test_what_is_answered_is_what_is_kept(work: Work, service: OrderService) -> None:
    ada, tea = await a_user(work), await a_product(work)

    placed = await service.place(an_attempt(ada.id), asking_for({tea.id: 2}))

    assert await service.find(speaking_for(ada), placed.order.id) == placed.order
    assert await stock_of(work, tea.id) == 8


async def test_a_retry_with_the_same_key_gets_the_same_order(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)
    attempt, new = an_attempt(ada.id), asking_for({tea.id: 2})

    first = await service.place(attempt, new)
    retried = await service.place(attempt, new)

    assert retried == PlacedOrder(first.order, replayed=True)
    assert await stock_of(work, tea.id) == 1


async def test_a_retry_gets_the_order_as_it_was_placed_whatever_became_of_it(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work)
    attempt, new = an_attempt(ada.id), asking_for({tea.id: 2})
    first = await service.place(attempt, new)
    await service.cancel(ADMIN, first.order.id)

    retried = await service.place(attempt, new)

    assert retried == PlacedOrder(first.order, replayed=True)
    assert (await service.find(ADMIN, first.order.id)).status == "cancelled"


async def test_a_key_that_was_used_for_something_else_is_refused(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work)
    await service.place(an_attempt(ada.id, "key", "this"), asking_for({tea.id: 1}))

    with pytest.raises(KeyReused) as refusal:
        await service.place(an_attempt(ada.id, "key", "that"), asking_for({tea.id: 2}))

    assert refusal.value.code == "idempotency_key_reused"
    assert await stock_of(work, tea.id) == 9


async def test_two_users_may_use_a_key_of_the_same_letters(
    work: Work, service: OrderService
) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)

    await service.place(an_attempt(ada.id, "key"), asking_for({tea.id: 1}))
    placed = await service.place(an_attempt(bob.id, "key"), asking_for({tea.id: 1}))

    assert not placed.replayed
    assert placed.order.user_id == bob.id


async def test_a_key_that_another_request_is_using_is_refused(
    work: Work, service: OrderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def somebody_has_it(*_: object) -> Outcome:
        return Outcome(ours=False, known=None, placed=None, products=[])

    monkeypatch.setattr(InMemoryOrders, "place", somebody_has_it)
    ada, tea = await a_user(work), await a_product(work)

    with pytest.raises(RequestInFlight) as refusal:
        await service.place(an_attempt(ada.id), asking_for({tea.id: 1}))

    assert refusal.value.retry_after == 1


async def test_what_is_short_is_told_for_every_product(work: Work, service: OrderService) -> None:
    ada = await a_user(work)
    tea, cup, pot = [await a_product(work, stock=stock) for stock in (0, 3, 3)]

    with pytest.raises(Conflict) as refusal:
        await service.place(an_attempt(ada.id), asking_for({tea.id: 1, cup.id: 3, pot.id: 5}))

    assert refusal.value.code == "out_of_stock"
    assert refusal.value.members == {
        "shortages": [
            {"product_id": tea.id, "asked": 1, "available": 0},
            {"product_id": pot.id, "asked": 5, "available": 3},
        ]
    }
    assert await stock_of(work, cup.id) == 3


async def test_a_line_that_names_no_product_is_told_by_its_place(
    work: Work, service: OrderService
) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, stock=0), await a_product(work)

    # That there is no tea is not said: it would be said of an order that makes no sense.
    with pytest.raises(Invalid) as refusal:
        await service.place(
            an_attempt(ada.id), asking_for({tea.id: 1, NOTHING: 1, cup.id: 1, NOTHING - 1: 1})
        )

    assert refusal.value.code == "invalid_payload"
    assert [error["field"] for error in refusal.value.errors] == [
        "items.1.product_id",
        "items.3.product_id",
    ]
    assert await stock_of(work, cup.id) == 10


async def test_an_order_that_was_refused_leaves_its_key_free(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=1)
    attempt, new = an_attempt(ada.id), asking_for({tea.id: 2})
    with pytest.raises(Conflict):
        await service.place(attempt, new)

    async with work() as unit:
        await unit.stock.add(tea.id, 1)

    assert not (await service.place(attempt, new)).replayed


@pytest.mark.usefixtures("pauses")
async def test_who_is_short_of_what_their_own_earlier_attempt_took_gets_that_order(
    work: Work, service: OrderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=2)
    place = InMemoryOrders.place

    async def look_too_early(orders: InMemoryOrders, attempt: Attempt, new: NewOrder) -> Outcome:
        monkeypatch.setattr(InMemoryOrders, "place", place)
        earlier = await place(orders, attempt, new)  # commits after our look for the key
        left = [replace(product, stock=0) for product in earlier.products]
        return Outcome(ours=True, known=None, placed=None, products=left)

    monkeypatch.setattr(InMemoryOrders, "place", look_too_early)

    placed = await service.place(an_attempt(ada.id), asking_for({tea.id: 2}))

    assert placed.replayed
    assert await stock_of(work, tea.id) == 0


async def test_an_order_in_whose_way_others_stand_is_given_up_after_a_few_attempts(
    work: Work,
    service: OrderService,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[tuple[float, float]],
) -> None:
    async def stand_in_the_way(*_: object) -> Outcome:
        raise TryAgain

    monkeypatch.setattr(InMemoryOrders, "place", stand_in_the_way)
    ada, tea = await a_user(work), await a_product(work)

    with pytest.raises(Unavailable) as refusal:
        await service.place(an_attempt(ada.id), asking_for({tea.id: 2}))

    assert refusal.value.code == "overloaded"
    assert len(pauses) == len(PAUSES)


# ---------------------------------------------------------------- cancelling


async def test_cancelling_puts_the_pieces_back(work: Work, service: OrderService) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)
    order = await an_order(work, ada.id, {tea.id: 2})

    cancelled = await service.cancel(speaking_for(ada), order.id)

    assert cancelled == replace(order, status="cancelled")
    assert await stock_of(work, tea.id) == 3


async def test_cancelling_twice_is_no_error_and_puts_nothing_back_twice(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)
    order = await an_order(work, ada.id, {tea.id: 2})

    first = await service.cancel(speaking_for(ada), order.id)
    second = await service.cancel(speaking_for(ada), order.id)

    assert first == second
    assert await stock_of(work, tea.id) == 3


async def test_an_admin_cancels_anybodys_order(work: Work, service: OrderService) -> None:
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2})

    assert (await service.cancel(ADMIN, order.id)).status == "cancelled"


async def test_another_users_order_cannot_be_cancelled_and_is_as_unknown_as_none(
    work: Work, service: OrderService
) -> None:
    ada, eve, tea = await a_user(work), await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2})

    with pytest.raises(NotFound) as hidden:
        await service.cancel(speaking_for(eve), order.id)
    with pytest.raises(NotFound) as unknown:
        await service.cancel(speaking_for(eve), NOTHING)

    assert hidden.value.code == unknown.value.code == "order_not_found"
    assert await service.find(ADMIN, order.id) == order


async def test_an_order_stays_placed_if_its_pieces_cannot_be_put_back(
    work: Work, service: OrderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InMemoryStock, "take_back", fail)
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2})

    with pytest.raises(Failed):
        await service.cancel(ADMIN, order.id)

    assert await service.find(ADMIN, order.id) == order


@pytest.mark.usefixtures("pauses")
async def test_cancelling_is_tried_again_from_its_beginning(
    work: Work, service: OrderService, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_back = InMemoryStock.take_back

    async def take_back_and_deadlock(stock: InMemoryStock, order_id: int) -> None:
        monkeypatch.setattr(InMemoryStock, "take_back", take_back)
        await take_back(stock, order_id)
        raise TryAgain

    monkeypatch.setattr(InMemoryStock, "take_back", take_back_and_deadlock)
    ada, tea = await a_user(work), await a_product(work, stock=3)
    order = await an_order(work, ada.id, {tea.id: 2})

    assert (await service.cancel(ADMIN, order.id)).status == "cancelled"
    assert await stock_of(work, tea.id) == 3


# ---------------------------------------------------------------- looking


async def test_an_order_is_shown_to_its_owner_and_to_an_admin(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2})

    assert await service.find(speaking_for(ada), order.id) == order
    assert await service.find(ADMIN, order.id) == order


async def test_another_users_order_is_as_unknown_as_one_that_never_was(
    work: Work, service: OrderService
) -> None:
    ada, eve, tea = await a_user(work), await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 2})

    with pytest.raises(NotFound) as hidden:
        await service.find(speaking_for(eve), order.id)
    with pytest.raises(NotFound) as unknown:
        await service.find(ADMIN, NOTHING)

    assert hidden.value.code == unknown.value.code == "order_not_found"
    assert hidden.value.detail == unknown.value.detail.replace(str(NOTHING), str(order.id))


async def test_a_list_holds_what_one_may_see(work: Work, service: OrderService) -> None:
    ada, bob, tea = await a_user(work), await a_user(work), await a_product(work)
    adas, bobs = [await an_order(work, each.id, {tea.id: 1}) for each in (ada, bob)]

    everything = await service.newest(ADMIN, OrderFilter(), START, 10)
    own = await service.newest(speaking_for(ada), OrderFilter(), START, 10)
    others = await service.newest(speaking_for(ada), OrderFilter(user_id=bob.id), START, 10)

    assert [order.id for order in everything.items] == [bobs.id, adas.id]
    assert [order.id for order in own.items] == [adas.id]
    assert others.items == []


async def test_orders_come_in_stretches_that_say_where_the_next_begins(
    work: Work, service: OrderService
) -> None:
    ada, tea = await a_user(work), await a_product(work)
    orders = [await an_order(work, ada.id, {tea.id: 1}) for _ in range(3)]

    newest = await service.newest(ADMIN, OrderFilter(), START, 2)
    assert newest.next is not None
    oldest = await service.newest(ADMIN, OrderFilter(), newest.next, 2)

    listed = [order.id for order in [*newest.items, *oldest.items]]
    assert listed == [order.id for order in reversed(orders)]
    assert oldest.next is None
