"""Reports, of which only so many are made at a time."""

import asyncio

from ..domain.errors import overloaded
from ..domain.reports import BestSellers, ReportQuery, span_of
from .ports import Clock, Work

AT_WORK = 2
"""A report over a year keeps a connection busy for seconds. Without a limit a dozen of them would
take every connection there is, and orders would have to wait for statistics."""


class ReportService:
    """What is to be learnt from the orders."""

    def __init__(self, work: Work, clock: Clock) -> None:
        self._work = work
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_WORK)

    async def best_sellers(self, query: ReportQuery) -> BestSellers:
        """Report the products that brought most in each period; by default of the last 30 days.

        Raises InvalidQuestion for a span that makes no sense, Unavailable if enough are being made.
        """
        span = span_of(query, self._clock())
        if self._turns.locked():
            raise overloaded("Enough reports are being made.")
        async with self._turns, self._work() as work:
            return BestSellers(await work.reports.best_sellers(query, span))
