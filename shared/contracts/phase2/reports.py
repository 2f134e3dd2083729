"""The sales report: which products brought most, by period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import Fields, cancel, expect_members, new_order, new_product, new_user


def report(api: Api, **params: object) -> list[Fields]:
    """Ask for a report long enough to hold everything of the last days."""
    wanted = {"period": "day", "top": 100} | params
    return expect(api.get("/reports/best-sellers", params=wanted), 200).json()["items"]


def rows_of(api: Api, product: int, **params: object) -> list[Fields]:
    """Read the rows of one product."""
    return [row for row in report(api, **params) if row["product_id"] == product]


def between(before: datetime, after: datetime) -> Fields:
    """Ask for what was sold in a stretch of time."""
    return {
        "placed_from": before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "placed_before": after.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def time_of(order: Fields) -> datetime:
    """Read when an order was placed."""
    return datetime.fromisoformat(order["placed_at"])


INSTANT = timedelta(microseconds=1)


@check("P2-REP-01", needs=("P2-ORD-13",), hint="Quantity times price: whose price, and which?")
def test_the_report_sums_what_was_sold(api: Api) -> None:
    """A product's row has the pieces sold and the revenue at the prices they were sold for."""
    user, product = new_user(api), new_product(api, stock=100, price=1000)
    first = new_order(api, user, {product["id"]: 2})
    expect(api.patch(f"/products/{product['id']}", json={"price": 3000}), 200)
    last = new_order(api, user, {product["id"]: 1})

    span = between(time_of(first), time_of(last) + INSTANT)
    rows = rows_of(api, product["id"], **span)

    assert sum(row["quantity"] for row in rows) == 3
    assert sum(row["revenue"] for row in rows) == 2 * 1000 + 3000
    for row in rows:
        expect_members(
            row,
            "period",
            "rank",
            "product_id",
            "sku",
            "name",
            "quantity",
            "revenue",
            "period_revenue",
            "previous_revenue",
        )
        assert datetime.fromisoformat(row["period"]).strftime("%X %Z") == "00:00:00 UTC"
        assert (row["sku"], row["name"]) == (product["sku"], product["name"])


@check("P2-REP-02", needs=("P2-REP-01", "P2-CAN-01"), hint="Is what came back sold?")
def test_cancelled_orders_dont_count(api: Api) -> None:
    """A cancelled order is in no report."""
    user, product = new_user(api), new_product(api, stock=100)["id"]
    kept, gone = (new_order(api, user, {product: quantity}) for quantity in (1, 50))
    expect(cancel(api, gone["id"]), 200)

    span = between(time_of(kept), time_of(gone) + INSTANT)

    assert sum(row["quantity"] for row in rows_of(api, product, **span)) == 1


@check("P2-REP-03", needs=("P2-REP-01",), hint="Does a stretch of time include its end?")
def test_the_range_is_half_open(api: Api) -> None:
    """placed_from belongs to the range, placed_before does not."""
    user, product = new_user(api), new_product(api, stock=100)["id"]
    first, last = (new_order(api, user, {product: 1}) for _ in range(2))

    half = rows_of(api, product, **between(time_of(first), time_of(last)))
    both = rows_of(api, product, **between(time_of(first), time_of(last) + INSTANT))

    assert sum(row["quantity"] for row in half) == 1
    assert sum(row["quantity"] for row in both) == 2


@check("P2-REP-04", needs=("P2-REP-01",), hint="Two firsts: who comes next?")
def test_equal_revenue_is_equal_rank(api: Api) -> None:
    """Ranks go by revenue within a period; equals share a rank, and the next one is skipped."""
    user = new_user(api)
    one, two, less = (new_product(api, stock=9, price=price) for price in (700, 700, 300))
    placed = [new_order(api, user, {each["id"]: 1}) for each in (one, two, less)]
    span = between(time_of(placed[0]), time_of(placed[-1]) + INSTANT)

    # Others may order at the same time, so the three are compared among themselves.
    rows = {row["product_id"]: row for row in report(api, period="month", **span)}
    first, second, third = (rows[each["id"]] for each in (one, two, less))

    assert first["rank"] == second["rank"]
    if first["period"] == third["period"]:
        assert third["rank"] >= first["rank"] + 2, "two share a rank, so the next one is empty"


@check("P2-REP-05", needs=("P2-REP-01",), hint="What does top cut: the report, or each period?")
def test_the_report_is_ordered_and_cut(api: Api) -> None:
    """Rows come by period, then rank; top=1 leaves the first of each period."""
    user = new_user(api)
    new_order(api, user, {new_product(api, price=price)["id"]: 1 for price in (500, 700, 900)})

    rows, cut = report(api), report(api, top=1)

    places = [(row["period"], row["rank"], row["product_id"]) for row in rows]
    assert places == sorted(places), "rows come by period, then rank"
    for period in {row["period"] for row in rows}:
        shown = [row for row in rows if row["period"] == period]
        assert [row for row in cut if row["period"] == period] == shown[:1]
        revenues = [row["revenue"] for row in shown]
        assert revenues == sorted(revenues, reverse=True), "the best comes first"
        assert {row["period_revenue"] for row in shown} == {shown[0]["period_revenue"]}
        assert shown[0]["period_revenue"] >= sum(revenues)


@check("P2-REP-06", hint="How long may a report take? Somebody has to set an end.")
def test_a_bad_report_is_400(api: Api) -> None:
    """A range that is empty, reversed or beyond 366 days, or a bad parameter, is 400 and named."""
    now = datetime.now(UTC)
    for span in (
        between(now, now),
        between(now, now - INSTANT),
        between(now - timedelta(367), now),
    ):
        answer = api.get("/reports/best-sellers", params=span)
        expect_problem(answer, 400, "invalid_query", fields=["placed_from"])
    for name, value in (
        ("period", "year"),
        ("top", "0"),
        ("top", "101"),
        ("placed_from", "yesterday"),
        ("placed_before", "1700000000"),
        ("placed_from", "2026-01-01T00:00:00"),
        ("page", "1"),
    ):
        answer = api.get("/reports/best-sellers", params={name: value})
        expect_problem(answer, 400, "invalid_query", fields=[name])
