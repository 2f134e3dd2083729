"""What sold best, in memory: the window functions of the query, as loops."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from phase4_layered.domain.reports import BestSeller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from phase4_layered.domain.reports import ReportQuery, Span

    from .store import Store, Tables


@dataclass(slots=True)
class Sold:
    """What a product brought in a period."""

    product_id: int
    quantity: int = 0
    revenue: int = 0
    whole_revenue: int = 0  # also with what was sold in the period before the span begins


Periods = dict["datetime", dict[int, Sold]]
"""What was sold, by the beginning of the period and by the product."""


class InMemoryReports:
    """What the orders add up to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def best_sellers(self, query: ReportQuery, span: Span) -> list[BestSeller]:
        """Return the products that brought most in each period of a span."""
        tables = self._store.tables
        periods = sold_in(tables, query.period, span)
        best: list[BestSeller] = []
        for period in sorted(periods):
            # The period before is the one in which the day before its first day lies.
            before = periods.get(beginning(query.period, period - timedelta(days=1)), {})
            best += ranked(tables, period, list(periods[period].values()), before)[: query.top]
        return best


def sold_in(tables: Tables, period: str, span: Span) -> Periods:
    """Add up what was sold until the span ends, and beside it what of that is in the span."""
    periods: Periods = defaultdict(dict)
    for order in tables.orders.values():
        if order.status != "placed" or order.placed_at >= span.before:
            continue
        products = periods[beginning(period, order.placed_at)]
        for line in order.items:
            sold = products.setdefault(line.product_id, Sold(line.product_id))
            revenue = line.quantity * line.unit_price
            sold.whole_revenue += revenue
            if order.placed_at >= span.start:
                sold.quantity += line.quantity
                sold.revenue += revenue
    return periods


def ranked(
    tables: Tables, period: datetime, products: Sequence[Sold], before: dict[int, Sold]
) -> list[BestSeller]:
    """Rank what was sold in a period and in the span; equals share a rank, and stand by their ids.

    `before` is what was sold in the period before, whether or not that is in the span.
    """
    sold = [each for each in products if each.quantity]
    sold.sort(key=lambda each: (-each.revenue, each.product_id))
    together = sum(each.revenue for each in sold)
    return [
        BestSeller(
            period,
            rank=1 + sum(other.revenue > each.revenue for other in sold),
            product_id=each.product_id,
            sku=tables.products[each.product_id].sku,
            name=tables.products[each.product_id].name,
            quantity=each.quantity,
            revenue=each.revenue,
            period_revenue=together,
            previous_revenue=whole_revenue(before, each.product_id),
        )
        for each in sold
    ]


def whole_revenue(products: dict[int, Sold], product_id: int) -> int:
    """Tell what a product brought; nothing if none was sold."""
    return products[product_id].whole_revenue if product_id in products else 0


def beginning(period: str, time: datetime) -> datetime:
    """Go back to when the day, the week or the month began in UTC; a week begins on Monday."""
    day = time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day
