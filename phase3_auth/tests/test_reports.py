"""The sales report over months long past: what counts, and what it is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from .conftest import new_order, new_product, new_user

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    Sell = Callable[[str, dict[int, int]], int]


@pytest.fixture
def sell(clean_database: str, http: httpx.Client) -> Sell:
    """Sell pieces of products at a time in the past; returns the order's id."""
    user = new_user(http)

    def at(time: str, items: dict[int, int]) -> int:
        order_id = new_order(http, user, items)["id"]
        with psycopg.connect(clean_database) as conn:
            conn.execute("UPDATE orders SET placed_at = %s WHERE id = %s", (time, order_id))
        return order_id

    return at


def report(
    http: httpx.Client, period: str, start: str, before: str, top: int = 100
) -> list[dict[str, Any]]:
    """Ask for the best sellers from the beginning of one day to that of another."""
    span = {"placed_from": f"{start}T00:00:00Z", "placed_before": f"{before}T00:00:00Z"}
    params = span | {"period": period, "top": str(top)}
    return http.get("/reports/best-sellers", params=params).raise_for_status().json()["items"]


def revenues(rows: list[dict[str, Any]]) -> list[tuple[str, int, int]]:
    """Read when each row's period began, its revenue and that of the period before."""
    return [(row["period"][:10], row["revenue"], row["previous_revenue"]) for row in rows]


def ranks(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Read each row's rank and product."""
    return [(row["rank"], row["product_id"]) for row in rows]


def test_a_month_is_compared_with_the_month_before_and_not_with_the_row_before(
    sell: Sell, http: httpx.Client
) -> None:
    tea = new_product(http, price=100)
    for day in ("2026-01-10", "2026-03-01", "2026-03-31", "2026-04-30"):
        sell(f"{day} 12:00Z", {tea: 1})

    rows = report(http, "month", "2026-01-01", "2026-05-01")

    assert revenues(rows) == [
        ("2026-01-01", 100, 0),
        ("2026-03-01", 200, 0),
        ("2026-04-01", 100, 200),
    ]


def test_a_product_is_compared_with_itself(sell: Sell, http: httpx.Client) -> None:
    tea, pot = new_product(http, price=100), new_product(http, price=900)
    sell("2026-03-10 12:00Z", {pot: 1})
    sell("2026-04-10 12:00Z", {tea: 1})

    rows = report(http, "month", "2026-03-01", "2026-05-01")

    assert revenues(rows) == [("2026-03-01", 900, 0), ("2026-04-01", 100, 0)]


def test_the_first_month_is_compared_with_the_whole_month_before_the_report(
    sell: Sell, http: httpx.Client
) -> None:
    tea = new_product(http, price=100)
    sell("2026-02-28 23:59:59.999999Z", {tea: 4})
    sell("2026-03-01 00:00Z", {tea: 1})
    sell("2026-03-31 23:59:59.999999Z", {tea: 1})
    sell("2026-04-01 00:00Z", {tea: 1})
    sell("2026-04-15 00:00Z", {tea: 1})

    whole = report(http, "month", "2026-04-01", "2026-05-01")
    half = report(http, "month", "2026-04-15", "2026-05-01")

    assert revenues(whole) == [("2026-04-01", 200, 200)]
    assert revenues(half) == [("2026-04-01", 100, 200)]


def test_a_month_that_the_report_cuts_short_is_compared_whole(
    sell: Sell, http: httpx.Client
) -> None:
    tea = new_product(http, price=100)
    for day in ("2026-03-14", "2026-03-15", "2026-04-01"):
        sell(f"{day} 00:00Z", {tea: 1})

    rows = report(http, "month", "2026-03-15", "2026-05-01")

    assert revenues(rows) == [("2026-03-01", 100, 0), ("2026-04-01", 100, 200)]


def test_what_was_sold_before_the_report_has_no_row_and_no_rank(
    sell: Sell, http: httpx.Client
) -> None:
    tea, pot = new_product(http, price=100), new_product(http, price=900)
    sell("2026-03-20 12:00Z", {pot: 1})
    sell("2026-04-14 12:00Z", {pot: 1, tea: 1})
    sell("2026-04-15 12:00Z", {tea: 2})

    [row] = report(http, "month", "2026-04-15", "2026-05-01", top=1)

    assert (row["product_id"], row["rank"]) == (tea, 1)
    assert (row["quantity"], row["revenue"], row["period_revenue"]) == (2, 200, 200)


def test_a_week_begins_on_monday_and_may_lie_in_two_years(sell: Sell, http: httpx.Client) -> None:
    tea = new_product(http, price=100)
    for time in (
        "2025-12-28 23:59Z",  # a Sunday
        "2025-12-29 00:00Z",
        "2026-01-04 23:59Z",
        "2026-01-05 00:00Z",
        "2026-01-19 00:00Z",
    ):
        sell(time, {tea: 1})

    rows = report(http, "week", "2025-12-29", "2026-02-01")

    assert revenues(rows) == [
        ("2025-12-29", 200, 100),
        ("2026-01-05", 100, 200),
        ("2026-01-19", 100, 0),
    ]


def test_a_day_ends_at_midnight_in_utc(sell: Sell, http: httpx.Client) -> None:
    tea = new_product(http, price=100)
    for time in ("2026-03-29 01:30+02:00", "2026-03-29 02:30+02:00", "2026-03-29 23:59Z"):
        sell(time, {tea: 1})

    rows = report(http, "day", "2026-03-29", "2026-03-30")

    assert revenues(rows) == [("2026-03-29", 200, 100)]


def test_equals_share_a_rank_and_the_next_one_is_left_out(sell: Sell, http: httpx.Client) -> None:
    less, one, two = (new_product(http, price=price) for price in (300, 700, 700))
    sell("2026-03-10 12:00Z", {less: 1, one: 1, two: 1})

    rows = report(http, "month", "2026-03-01", "2026-04-01")

    assert ranks(rows) == [(1, one), (1, two), (3, less)]


def test_top_cuts_each_month_even_among_equals(sell: Sell, http: httpx.Client) -> None:
    less, one, two = (new_product(http, price=price) for price in (300, 700, 700))
    for day in ("2026-03-10", "2026-04-10"):
        sell(f"{day} 12:00Z", {less: 1, one: 1, two: 1})

    rows = report(http, "month", "2026-03-01", "2026-05-01", top=1)

    assert ranks(rows) == [(1, one), (1, one)]
    assert [row["period_revenue"] for row in rows] == [1700, 1700]


def test_a_cancelled_order_counts_neither_for_its_month_nor_for_the_next(
    sell: Sell, http: httpx.Client
) -> None:
    tea = new_product(http, price=100)
    for day in ("2026-03-10", "2026-04-10"):
        sell(f"{day} 12:00Z", {tea: 1})
        gone = sell(f"{day} 12:00Z", {tea: 5})
        http.post(f"/orders/{gone}/cancel").raise_for_status()

    rows = report(http, "month", "2026-04-01", "2026-05-01")

    assert revenues(rows) == [("2026-04-01", 100, 100)]


@pytest.mark.parametrize(
    ("before", "status"),
    [
        ("0001-01-01T00:00:00Z", 400),  # there is nothing before that
        ("0001-01-05T00:00:00-05:00", 200),
        ("9999-12-31T23:59:59-05:00", 200),
    ],
)
def test_a_report_may_end_at_either_end_of_time(
    before: str, status: int, http: httpx.Client
) -> None:
    answer = http.get("/reports/best-sellers", params={"placed_before": before})

    assert answer.status_code == status, answer.text
