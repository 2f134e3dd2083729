"""Of which time a report is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from phase4_layered.domain.errors import InvalidQuestion
from phase4_layered.domain.reports import ReportQuery, Span, span_of, thirty_days_before

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_it_is_of_the_last_thirty_days_unless_told_otherwise() -> None:
    assert span_of(ReportQuery(), NOON) == Span(NOON - 30 * DAY, NOON)


def test_it_is_of_the_thirty_days_before_an_end_that_is_given() -> None:
    query = ReportQuery(placed_before=NOON - 100 * DAY)

    assert span_of(query, NOON) == Span(NOON - 130 * DAY, NOON - 100 * DAY)


def test_it_goes_on_until_now_from_a_beginning_that_is_given() -> None:
    assert span_of(ReportQuery(placed_from=NOON - DAY), NOON) == Span(NOON - DAY, NOON)


@pytest.mark.parametrize("length", [timedelta(microseconds=1), 366 * DAY])
def test_it_may_be_as_short_as_an_instant_and_as_long_as_a_leap_year(length: timedelta) -> None:
    query = ReportQuery(placed_from=NOON - length, placed_before=NOON)

    assert span_of(query, NOON) == Span(NOON - length, NOON)


@pytest.mark.parametrize("length", [timedelta(), -DAY, 366 * DAY + timedelta(microseconds=1)])
def test_it_is_refused_for_a_time_that_makes_no_sense(length: timedelta) -> None:
    query = ReportQuery(placed_from=NOON - length, placed_before=NOON)

    with pytest.raises(InvalidQuestion):
        span_of(query, NOON)


def test_thirty_days_end_where_datetime_ends() -> None:
    first = datetime.min.replace(tzinfo=UTC)

    assert thirty_days_before(first + DAY) == first
    assert thirty_days_before(first + 31 * DAY) == first + DAY
