"""Reports: of which time, and how many at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import InvalidQuestion, Unavailable
from phase4_layered.domain.reports import ReportQuery
from phase4_layered.services.reports import AT_WORK, ReportService
from phase4_layered.tests.factories import a_product, a_user, an_order
from phase4_layered.tests.in_memory.store import Store

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Begin at noon."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> Store:
    """Keep an empty shop, in which it is as late as the clock says."""
    return Store(clock)


@pytest.fixture
def service(work: Work, clock: Clock) -> ReportService:
    """Serve the shop in memory."""
    return ReportService(work, clock)


async def sell_one(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work, price=250)
    await an_order(work, ada.id, {tea.id: 1})


async def test_what_sold_best_is_told_by_period_and_rank(
    work: Work, clock: Clock, service: ReportService
) -> None:
    ada, tea, cup = await a_user(work), await a_product(work, price=250), await a_product(work)
    await an_order(work, ada.id, {tea.id: 1, cup.id: 2})
    clock.now += timedelta(days=1)
    await an_order(work, ada.id, {tea.id: 1})
    clock.now += timedelta(hours=1)

    report = await service.best_sellers(ReportQuery(top=1))

    assert [(each.period.day, each.product_id, each.revenue) for each in report.items] == [
        (31, cup.id, 500),
        (1, tea.id, 250),
    ]


@pytest.mark.parametrize(
    ("later", "sold"),
    [
        (timedelta(), 0),  # what is sold at this moment belongs to the next report
        (timedelta(microseconds=1), 1),
        (timedelta(days=30), 1),
        (timedelta(days=30, microseconds=1), 0),
    ],
)
async def test_a_report_is_of_the_last_thirty_days_unless_told_otherwise(
    work: Work, clock: Clock, service: ReportService, later: timedelta, sold: int
) -> None:
    await sell_one(work)
    clock.now += later

    assert len((await service.best_sellers(ReportQuery())).items) == sold


async def test_a_report_is_of_the_time_that_is_asked_for(
    work: Work, clock: Clock, service: ReportService
) -> None:
    await sell_one(work)
    clock.now += timedelta(days=300)

    span = ReportQuery(placed_from=NOON, placed_before=NOON + timedelta(seconds=1))

    assert len((await service.best_sellers(span)).items) == 1


@pytest.mark.parametrize("length", [timedelta(), timedelta(days=-1), timedelta(days=367)])
async def test_a_time_that_makes_no_sense_is_refused(
    service: ReportService, length: timedelta
) -> None:
    with pytest.raises(InvalidQuestion) as refusal:
        await service.best_sellers(ReportQuery(placed_from=NOON, placed_before=NOON + length))

    assert refusal.value.code == "invalid_query"
    assert [error["field"] for error in refusal.value.errors] == ["placed_from"]


async def test_one_report_too_many_is_refused_at_once(work: Work, service: ReportService) -> None:
    async with work():  # while the shop is busy, no report gets done
        under_way = [begin(service) for _ in range(AT_WORK)]
        await asyncio.sleep(0)

        with pytest.raises(Unavailable) as refusal:
            await service.best_sellers(ReportQuery())

    assert refusal.value.code == "overloaded"
    assert refusal.value.retry_after == 1
    await asyncio.gather(*under_way)
    await service.best_sellers(ReportQuery())


async def test_a_report_that_nobody_waits_for_any_more_makes_room(
    work: Work, service: ReportService
) -> None:
    async with work():
        under_way = [begin(service) for _ in range(AT_WORK)]
        await asyncio.sleep(0)
        under_way[0].cancel()
        await asyncio.wait(under_way[:1])

        another = begin(service)

    await asyncio.gather(another, *under_way[1:])


def begin(service: ReportService) -> asyncio.Task[object]:
    return asyncio.create_task(service.best_sellers(ReportQuery()))
