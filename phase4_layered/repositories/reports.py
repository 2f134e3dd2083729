"""What sold best: aggregates and window functions, written by hand."""

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.reports import BestSeller, ReportQuery, Span


class PostgresReports:
    """What the orders add up to."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def best_sellers(self, query: ReportQuery, span: Span) -> list[BestSeller]:
        """Return the products that brought most, from `start` to just before `before`, per period.

        A window function looks at other rows of the result and keeps them apart, where GROUP BY
        would melt them into one: the rank within the period, the period's sum beside each product,
        and by a RANGE of intervals the same product's row of the period before, if there is one.
        ROWS would take its row before that, however long ago. Equals share a rank; what `top` cuts
        at is the place, which nobody shares, so that a report has an end.

        All figures count what was placed from `start` to `before`, but `previous_revenue` is that
        of the whole calendar period before, also where `start` cuts that period short or leaves it
        out. So reading begins one period early, and FILTER keeps apart what was asked for.

        One plan serves a day and a year (no `planned_for`): lines lie in the order of their orders,
        so orders_placed_at_idx leads from one page of lines to the next.
        """
        cursor = await self._conn.cursor(row_factory=class_row(BestSeller)).execute(
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
                 WHERE orders.placed_at
                       >= date_trunc(%(period)s, %(start)s, 'UTC') - %(step)s::interval
                   AND orders.placed_at < %(before)s
                   AND orders.status = 'placed'
                 GROUP BY period, line.product_id
            ), compared AS (
                SELECT period, product_id, quantity, revenue,
                       coalesce(sum(whole_revenue) OVER period_before, 0)::bigint
                           AS previous_revenue
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
                "start": span.start,
                "before": span.before,
                "top": query.top,
            },
        )
        return await cursor.fetchall()
