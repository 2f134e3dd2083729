"""What services are promised of the report of what sold best."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

import pytest

from phase4_layered.domain.reports import BestSeller, ReportQuery, Span
from phase4_layered.tests.factories import a_product, a_user, an_order

if TYPE_CHECKING:
    from phase4_layered.domain.orders import Order

    from .conftest import Kept

pytestmark = pytest.mark.anyio

Period = Literal["day", "week", "month"]

ALWAYS = Span(datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def day(month: int, day: int, hour: int = 0) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def sell(kept: Kept, at: datetime, items: dict[int, int]) -> Order:
    user = await a_user(kept.work)
    order = await an_order(kept.work, user.id, items)
    await kept.move_order(order.id, at)
    return order


async def report(
    kept: Kept, period: Period = "day", span: Span = ALWAYS, top: int = 100
) -> list[BestSeller]:
    async with kept.work() as unit:
        return await unit.reports.best_sellers(ReportQuery(period=period, top=top), span)


async def test_where_nothing_was_sold_nothing_sold_best(kept: Kept) -> None:
    await a_product(kept.work)

    assert await report(kept) == []


async def test_a_best_seller_is_told_with_all_its_figures(kept: Kept) -> None:
    tea = await a_product(kept.work, sku="TEA-1", name="Tea", price=250)
    cup = await a_product(kept.work, sku="CUP-1", name="Cup", price=900)
    await sell(kept, day(5, 1, 23), {tea.id: 1})
    await sell(kept, day(5, 2, 0), {tea.id: 2, cup.id: 1})
    await sell(kept, day(5, 2, 23), {tea.id: 2})

    assert await report(kept) == [
        BestSeller(day(5, 1), 1, tea.id, "TEA-1", "Tea", 1, 250, 250, 0),
        BestSeller(day(5, 2), 1, tea.id, "TEA-1", "Tea", 4, 1000, 1900, 250),
        BestSeller(day(5, 2), 2, cup.id, "CUP-1", "Cup", 1, 900, 1900, 0),
    ]


async def test_what_was_cancelled_was_not_sold(kept: Kept) -> None:
    tea = await a_product(kept.work, price=250)
    await sell(kept, day(5, 1), {tea.id: 1})
    cancelled = await sell(kept, day(5, 1), {tea.id: 5})
    async with kept.work() as unit:
        await unit.orders.cancel(cancelled.id, None)

    assert [each.revenue for each in await report(kept)] == [250]


async def test_products_have_the_name_of_today_and_the_price_of_their_time(kept: Kept) -> None:
    tea = await a_product(kept.work, name="Tea", price=250)
    await sell(kept, day(5, 1), {tea.id: 1})
    async with kept.work() as unit:
        await unit.products.change(tea.id, {"name": "Green tea", "price": 300})

    assert [(each.name, each.revenue) for each in await report(kept)] == [("Green tea", 250)]


async def test_equals_share_a_rank_and_the_next_one_is_left_out(kept: Kept) -> None:
    ids = [(await a_product(kept.work, price=price)).id for price in (100, 300, 300, 500)]
    worst, one, other, best = ids
    await sell(kept, day(5, 1), dict.fromkeys(ids, 1))

    ranks = [(each.rank, each.product_id) for each in await report(kept)]

    assert ranks == [(1, best), (2, one), (2, other), (4, worst)]


async def test_a_report_ends_at_the_place_that_was_asked_for_among_equals_too(kept: Kept) -> None:
    ids = [(await a_product(kept.work, price=price)).id for price in (300, 300, 300, 500)]
    first, second, _, best = ids
    await sell(kept, day(5, 1), dict.fromkeys(ids, 1))

    found = await report(kept, top=3)

    assert [(each.rank, each.product_id) for each in found] == [(1, best), (2, first), (2, second)]
    assert {each.period_revenue for each in found} == {1400}


async def test_what_was_given_away_was_sold_all_the_same(kept: Kept) -> None:
    gift = await a_product(kept.work, price=0)
    await sell(kept, day(5, 1), {gift.id: 2})

    assert [(each.rank, each.quantity, each.revenue) for each in await report(kept)] == [(1, 2, 0)]


async def test_a_day_begins_at_midnight_in_utc(kept: Kept) -> None:
    tea = await a_product(kept.work)
    there = timezone(timedelta(hours=2))
    await sell(kept, datetime(2026, 5, 2, 1, tzinfo=there), {tea.id: 1})
    await sell(kept, datetime(2026, 5, 2, 2, tzinfo=there), {tea.id: 1})

    assert [each.period for each in await report(kept)] == [day(5, 1), day(5, 2)]


async def test_a_week_begins_on_monday(kept: Kept) -> None:
    tea = await a_product(kept.work, price=100)
    for at, pieces in ((day(5, 3, 23), 1), (day(5, 4), 2), (day(5, 10, 23), 3)):
        await sell(kept, at, {tea.id: pieces})

    figures = [
        (each.period, each.revenue, each.previous_revenue) for each in await report(kept, "week")
    ]

    assert figures == [(day(4, 27), 100, 0), (day(5, 4), 500, 100)]


async def test_a_month_follows_a_month_of_any_length(kept: Kept) -> None:
    tea = await a_product(kept.work, price=100)
    sold = ((day(1, 1), 1), (day(1, 31, 23), 1), (day(2, 28), 2), (day(3, 31), 3))
    for at, pieces in sold:
        await sell(kept, at, {tea.id: pieces})

    figures = [
        (each.period, each.revenue, each.previous_revenue) for each in await report(kept, "month")
    ]

    assert figures == [(day(1, 1), 200, 0), (day(2, 1), 200, 200), (day(3, 1), 300, 200)]


async def test_the_period_before_is_the_one_right_before(kept: Kept) -> None:
    tea = await a_product(kept.work, price=100)
    for at in (day(5, 1), day(5, 3)):
        await sell(kept, at, {tea.id: 1})

    assert [each.previous_revenue for each in await report(kept)] == [0, 0]


async def test_a_span_has_its_beginning_in_it_and_its_end_not(kept: Kept) -> None:
    tea = await a_product(kept.work)
    for at in (day(5, 1, 11), day(5, 1, 12), day(5, 2, 11), day(5, 2, 12)):
        await sell(kept, at, {tea.id: 1})

    found = await report(kept, span=Span(day(5, 1, 12), day(5, 2, 12)))

    assert [(each.period, each.quantity) for each in found] == [(day(5, 1), 1), (day(5, 2), 1)]


@pytest.mark.parametrize("start", [day(5, 1, 12), day(5, 2), day(5, 2, 12)])
async def test_the_period_before_counts_whole_wherever_the_span_begins(
    kept: Kept, start: datetime
) -> None:
    tea = await a_product(kept.work, price=100)
    for at, pieces in ((day(5, 1, 11), 1), (day(5, 1, 13), 2), (day(5, 2, 13), 4)):
        await sell(kept, at, {tea.id: pieces})

    last = (await report(kept, span=Span(start, day(5, 3))))[-1]

    assert (last.period, last.revenue, last.previous_revenue) == (day(5, 2), 400, 300)


async def test_what_was_sold_only_before_the_span_is_not_among_the_best(kept: Kept) -> None:
    tea, cup = await a_product(kept.work, price=100), await a_product(kept.work, price=900)
    await sell(kept, day(5, 1, 11), {cup.id: 1})
    await sell(kept, day(5, 1, 13), {tea.id: 1})

    found = await report(kept, span=Span(day(5, 1, 12), day(5, 2)))

    assert [(each.rank, each.product_id, each.period_revenue) for each in found] == [
        (1, tea.id, 100)
    ]
