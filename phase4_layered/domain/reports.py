"""Reports: of which time, and what they say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .errors import invalid_query
from .fields import Decimal, Instant

LONGEST = timedelta(days=366)


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


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, half-open: `before` itself is not in it."""

    start: datetime
    before: datetime


def span_of(query: ReportQuery, now: datetime) -> Span:
    """Tell which time is asked for; by default the last 30 days. Raises InvalidQuestion."""
    before = query.placed_before or now
    start = query.placed_from or thirty_days_before(before)
    if not timedelta() < before - start <= LONGEST:
        message = f"must be before placed_before, by {LONGEST.days} days at most"
        raise invalid_query([{"field": "placed_from", "message": message}])
    return Span(start, before)


def thirty_days_before(time: datetime) -> datetime:
    """Go back thirty days, but no further than datetime can: to the year 1."""
    return time - min(timedelta(days=30), time - datetime.min.replace(tzinfo=time.tzinfo))
