"""Stock: pieces that come in once, whatever is repeated, and the ledger of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict, KeyReused, NotFound, TryAgain
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.idempotency import RequestInFlight
from phase4_layered.domain.paging import START
from phase4_layered.services.stock import Restocked, StockService
from phase4_layered.tests.factories import a_product, a_user, an_attempt, stock_of
from phase4_layered.tests.in_memory.keys import InMemoryKeys
from phase4_layered.tests.in_memory.stock import InMemoryStock

from .conftest import Failed, fail

if TYPE_CHECKING:
    from phase4_layered.domain.products import Movement
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(work: Work) -> StockService:
    """Serve the shop in memory."""
    return StockService(work)


async def test_pieces_that_come_in_are_added(work: Work, service: StockService) -> None:
    tea = await a_product(work, stock=3)

    restocked = await service.restock(tea.id, 4, None)

    assert not restocked.replayed
    assert (restocked.movement.quantity, restocked.movement.reason) == (4, "restock")
    assert await stock_of(work, tea.id) == 7


async def test_without_a_key_each_time_counts(work: Work, service: StockService) -> None:
    tea = await a_product(work, stock=0)

    one, other = [await service.restock(tea.id, 4, None) for _ in range(2)]

    assert one.movement.id != other.movement.id
    assert await stock_of(work, tea.id) == 8


async def test_a_retry_adds_nothing_and_gets_the_same_entry(
    work: Work, service: StockService
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=0)
    attempt = an_attempt(ada.id)

    first = await service.restock(tea.id, 4, attempt)
    await service.restock(tea.id, 9, None)
    retried = await service.restock(tea.id, 4, attempt)

    assert retried == Restocked(first.movement, replayed=True)
    assert await stock_of(work, tea.id) == 13


async def test_a_key_that_was_used_for_something_else_is_refused(
    work: Work, service: StockService
) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=0)
    await service.restock(tea.id, 4, an_attempt(ada.id, "key", "this"))

    with pytest.raises(KeyReused):
        await service.restock(tea.id, 9, an_attempt(ada.id, "key", "that"))

    assert await stock_of(work, tea.id) == 4


async def test_a_key_that_another_request_is_using_is_refused(
    work: Work, service: StockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def somebody_has_it(*_: object) -> bool:
        return False

    monkeypatch.setattr(InMemoryKeys, "lock", somebody_has_it)
    ada, tea = await a_user(work), await a_product(work, stock=0)

    with pytest.raises(RequestInFlight):
        await service.restock(tea.id, 4, an_attempt(ada.id))

    assert await stock_of(work, tea.id) == 0


async def test_what_is_not_sold_cannot_come_in_and_leaves_the_key_free(
    work: Work, service: StockService
) -> None:
    ada, tea = await a_user(work), await a_product(work)
    attempt = an_attempt(ada.id)

    with pytest.raises(NotFound) as refusal:
        await service.restock(NOTHING, 4, attempt)

    assert refusal.value.code == "product_not_found"
    assert not (await service.restock(tea.id, 4, attempt)).replayed


async def test_more_than_can_be_counted_is_refused(work: Work, service: StockService) -> None:
    tea = await a_product(work, stock=1)

    with pytest.raises(Conflict) as refusal:
        await service.restock(tea.id, 1_000_000_000, None)

    assert refusal.value.code == "stock_limit"


async def test_nothing_comes_in_if_the_key_cannot_be_written_down(
    work: Work, service: StockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InMemoryKeys, "add", fail)
    ada, tea = await a_user(work), await a_product(work, stock=3)

    with pytest.raises(Failed):
        await service.restock(tea.id, 4, an_attempt(ada.id))

    assert await stock_of(work, tea.id) == 3
    assert len((await service.movements(tea.id, START, 10)).items) == 1


@pytest.mark.usefixtures("pauses")
async def test_a_transaction_that_was_ended_for_others_is_run_again(
    work: Work, service: StockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = [TryAgain(), TryAgain()]
    add = InMemoryStock.add

    async def add_at_last(stock: InMemoryStock, product_id: int, quantity: int) -> Movement | None:
        movement = await add(stock, product_id, quantity)
        if in_the_way:
            raise in_the_way.pop()
        return movement

    monkeypatch.setattr(InMemoryStock, "add", add_at_last)
    tea = await a_product(work, stock=0)

    await service.restock(tea.id, 4, None)

    assert await stock_of(work, tea.id) == 4


async def test_movements_come_in_stretches_that_say_where_the_next_begins(
    work: Work, service: StockService
) -> None:
    tea = await a_product(work, stock=1)
    second, third = [(await service.restock(tea.id, 1, None)).movement for _ in range(2)]

    newest = await service.movements(tea.id, START, 2)
    assert newest.next is not None
    oldest = await service.movements(tea.id, newest.next, 2)

    assert newest.items == [third, second]
    assert [each.reason for each in oldest.items] == ["initial"]
    assert oldest.next is None


async def test_a_stretch_that_ends_where_the_list_ends_is_the_last(
    work: Work, service: StockService
) -> None:
    tea = await a_product(work, stock=1)

    assert (await service.movements(tea.id, START, 1)).next is None


async def test_without_a_product_there_is_no_ledger(service: StockService) -> None:
    with pytest.raises(NotFound) as refusal:
        await service.movements(NOTHING, START, 1)

    assert refusal.value.code == "product_not_found"
