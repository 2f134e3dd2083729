"""What sold best: aggregates and window functions, written by hand."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .auth import FOR_ADMINS
from .database import connection
from .errors import invalid_query, overloaded, problems
from .responses import ok
from .schemas import Decimal, Instant
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["reports"])

LONGEST = timedelta(days=366)

# A report over a year keeps a connection busy for seconds. Without a limit a dozen of them would
# take every connection there is, and orders would have to wait for statistics.
at_work = asyncio.Semaphore(2)


@dataclass(frozen=True, slots=True)
class BestSeller:
    """A product among the best of a period."""

    period: datetime
    rank: int
    product_id: int
    sku: str
    name: str
    quantity: int
    revenue: int
    period_revenue: int  # of all products together
    previous_revenue: int  # of this product, in the whole calendar period before


@dataclass(frozen=True, slots=True)
class BestSellers:
    """The report, by period and rank."""

    items: list[BestSeller]


class ReportQuery(BaseModel):
    """Which time, in which pieces, and how many products of each."""

    model_config = ConfigDict(extra="forbid")

    period: Literal["day", "week", "month"] = "day"
    placed_from: Instant | None = None
    placed_before: Instant | None = None
    top: Annotated[int, Field(ge=1, le=100), Decimal] = 3


report_json = TypeAdapter(BestSellers).dump_json


@router.get(
    "/reports/best-sellers",
    dependencies=FOR_ADMINS,
    response_model=BestSellers,
    responses=problems(400),
)
async def read_best_sellers(request: Request, query: Annotated[ReportQuery, Query()]) -> Response:
    """Report the products that brought most in each period; by default of the last 30 days."""
    before = query.placed_before or datetime.now(UTC)
    start = query.placed_from or thirty_days_before(before)
    if not timedelta() < before - start <= LONGEST:
        message = f"must be before placed_before, by {LONGEST.days} days at most"
        raise invalid_query([{"field": "placed_from", "message": message}])
    if at_work.locked():
        raise overloaded("Enough reports are being made.")
    async with at_work, connection(request) as conn:
        sellers = await select_best_sellers(conn, query, start, before)
    return ok(report_json(BestSellers(sellers)))


def thirty_days_before(time: datetime) -> datetime:
    """Go back thirty days, but no further than datetime can: to the year 1."""
    return time - min(timedelta(days=30), time - datetime.min.replace(tzinfo=time.tzinfo))


async def select_best_sellers(
    conn: AsyncConnection, query: ReportQuery, start: datetime, before: datetime
) -> list[BestSeller]:
    """Return the products that brought most, from `start` to just before `before`, per period.

    A window function looks at other rows of the result and keeps them apart, where GROUP BY would
    melt them into one: the rank within the period, the period's sum beside each product, and by a
    RANGE of intervals the same product's row of the period before, if there is one. ROWS would
    take its row before that, however long ago. Equals share a rank; what `top` cuts at is the
    place, which nobody shares, so that a report has an end.

    All figures count what was placed from `start` to `before`, but `previous_revenue` is that of
    the whole calendar period before, also where `start` cuts that period short or leaves it out.
    So reading begins one period early, and FILTER keeps apart what was asked for.

    One plan serves a day and a year (no `planned_for`): lines lie in the order of their orders, so
    orders_placed_at_idx leads from one page of lines to the next.
    """
    cursor = await conn.cursor(row_factory=class_row(BestSeller)).execute(
        """
        WITH sold AS (
            SELECT date_trunc(%(period)s, orders.placed_at, 'UTC') AS period,
                   line.product_id,
                   sum(line.quantity)
                       FILTER (WHERE orders.placed_at >= %(start)s)::bigint AS quantity,
                   sum(line.quantity * line.unit_price)
                       FILTER (WHERE orders.placed_at >= %(start)s)::bigint AS revenue,
                   sum(line.quantity * line.unit_price)::bigint AS whole_revenue
              FROM orders
              JOIN order_items AS line ON line.order_id = orders.id
             WHERE orders.placed_at >= date_trunc(%(period)s, %(start)s, 'UTC') - %(step)s::interval
               AND orders.placed_at < %(before)s
               AND orders.status = 'placed'
             GROUP BY period, line.product_id
        ), compared AS (
            SELECT period, product_id, quantity, revenue,
                   coalesce(sum(whole_revenue) OVER period_before, 0)::bigint AS previous_revenue
              FROM sold
            WINDOW period_before AS (PARTITION BY product_id
                                         ORDER BY period
                                         RANGE BETWEEN %(step)s::interval PRECEDING
                                                   AND %(step)s::interval PRECEDING)
        ), ranked AS (
            SELECT period, product_id, quantity, revenue, previous_revenue,
                   rank() OVER (PARTITION BY period ORDER BY revenue DESC) AS rank,
                   row_number() OVER (PARTITION BY period
                                          ORDER BY revenue DESC, product_id) AS place,
                   sum(revenue) OVER (PARTITION BY period)::bigint AS period_revenue
              FROM compared
             WHERE quantity > 0
        )
        SELECT ranked.period, ranked.rank, ranked.product_id, products.sku, products.name,
               ranked.quantity, ranked.revenue, ranked.period_revenue, ranked.previous_revenue
          FROM ranked
          JOIN products ON products.id = ranked.product_id
         WHERE ranked.place <= %(top)s
         ORDER BY ranked.period, ranked.rank, ranked.product_id
        """,
        {
            "period": query.period,
            "step": f"1 {query.period}",
            "start": start,
            "before": before,
            "top": query.top,
        },
    )
    return await cursor.fetchall()
