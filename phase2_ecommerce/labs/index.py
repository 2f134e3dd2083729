"""What a B-tree answers, what it does not, and what it costs, at 5 million order items.

Thirteen questions are put to a table of order items, first without any index, then with one. In
nine of them the index saves nearly everything; in four it is there and is of no use. Then the bill:
what does a new row cost when there are none, one, two, three indexes to keep in order?

Pages of 8 KiB are what to look at: milliseconds change from run to run, pages hardly do.
"""

from __future__ import annotations

from contextlib import closing
from statistics import median
from typing import TYPE_CHECKING, LiteralString, NamedTuple

from ._items import connect, grow, strip

if TYPE_CHECKING:
    from typing import Any

    import psycopg

    from shared.lab import Lab

PRIMARY_KEY = "(order_id, product_id)"
BY_PRODUCT = "(product_id)"
BY_NAME = "(name)"

# For each index the questions it is tried on.
QUESTIONS: dict[LiteralString, dict[str, LiteralString]] = {
    PRIMARY_KEY: {
        "equality: an order's lines": """
            SELECT product_id, quantity FROM order_items WHERE order_id = 1234""",
        "range: the lines of 500 orders": """
            SELECT sum(quantity) FROM order_items WHERE order_id BETWEEN 1001 AND 1500""",
        "wrong column order: a product's lines": """
            SELECT sum(quantity) FROM order_items WHERE product_id = 4711""",
    },
    BY_PRODUCT: {
        "right column: a product's lines": """
            SELECT sum(quantity) FROM order_items WHERE product_id = 4711""",
    },
    "(product_id) INCLUDE (quantity)": {
        "covering: a product's pieces": """
            SELECT sum(quantity) FROM order_items WHERE product_id = 4711""",
    },
    "(product_id) WHERE quantity >= 100": {
        "partial: a product's large lines": """
            SELECT order_id, quantity
              FROM order_items
             WHERE product_id = 4711 AND quantity >= 100""",
    },
    "(unit_price)": {
        "sort: the 20 dearest lines": """
            SELECT order_id, unit_price FROM order_items ORDER BY unit_price DESC LIMIT 20""",
    },
    "(product_id, unit_price)": {
        "filter and sort: a product's 20 dearest": """
            SELECT order_id, unit_price
              FROM order_items
             WHERE product_id = 4711
             ORDER BY unit_price DESC
             LIMIT 20""",
    },
    BY_NAME: {
        "LIKE 'Tea 4711%'": "SELECT sum(quantity) FROM order_items WHERE name LIKE 'Tea 4711%'",
        "LIKE '%4711'": "SELECT sum(quantity) FROM order_items WHERE name LIKE '%4711'",
        "function: upper(name) = 'TEA 4711'": """
            SELECT sum(quantity) FROM order_items WHERE upper(name) = 'TEA 4711'""",
    },
    "(upper(name))": {
        "the same, the function indexed": """
            SELECT sum(quantity) FROM order_items WHERE upper(name) = 'TEA 4711'""",
    },
    "(quantity)": {
        "low selectivity: quantity <= 5": """
            SELECT sum(unit_price) FROM order_items WHERE quantity <= 5""",
    },
}
READING = """\
**How to read the plans below.** From the inside out: the line furthest to the right runs first, and
hands its rows to the one above. In each line

- the first brackets are what PostgreSQL expected before it ran: `cost`, in units of reading one
  page in sequence, until the first row and until the last, and how many `rows`;
- the second are what came of it: milliseconds, again until the first row and the last, and `rows`.
  Where these two numbers of rows are far apart, the plan was chosen by a wrong idea of the table.
  (`upper(name)` is such a case: what an expression yields is not known before the next ANALYZE);
- *Index Cond* is what the index was asked: rows that don't fit are not even looked at. *Filter* is
  what was asked of each row that had been read; *Rows Removed by Filter* were read for nothing;
- *Buffers* are pages of 8 KiB, those of the lines beneath included: `hit` were in PostgreSQL's
  memory, `read` had to be fetched. *Heap Fetches* are looks into the table that an
  *Index Only Scan* could not do without."""
ROWS = 10_000
"""Inserted at a time when writes are measured."""
_REPEATS = 5

# Orders come one after another, their products anyhow: new rows belong at the end of an index by
# order, and everywhere in an index by product.
INSERT: LiteralString = """
    INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
    SELECT 1 + n / 3, 1 + n * 7919 %% 10000, 1 + n %% 7, 'Tea ' || 1 + n * 7919 %% 10000, 250
      FROM generate_series(%(first)s::bigint, %(last)s) AS n
    """


class Plan(NamedTuple):
    """How a question was answered: the way to the rows, how many, pages looked at, milliseconds."""

    scan: str
    rows: int
    pages: int
    milliseconds: float


class Answer(NamedTuple):
    """A question without and with an index of some size, and the plan with it as psql shows it."""

    question: str
    on: str
    mebibytes: float
    without: Plan
    with_index: Plan
    text: str


class Bill(NamedTuple):
    """What a number of indexes makes of an insert of 10,000 rows: medians."""

    indexes: str
    milliseconds: float
    pages: int
    wal_mebibytes: float


def run(lab: Lab) -> None:
    """Ask two questions while the table grows, then all of them; then write."""
    asked = [
        f"with {index}: {' '.join(query.split())}"
        for index, questions in QUESTIONS.items()
        for query in questions.values()
    ]
    lab.predict("For which of these is the index of no use?\n- " + "\n- ".join(asked))
    sizes = [500, 5_000, 50_000] if lab.quick else [10_000, 100_000, 1_000_000, 5_000_000]
    with closing(connect(lab)) as connection:
        strip(connection)
        growth = [measured_at(connection, *step) for step in zip([0, *sizes], sizes, strict=False)]
        answers = [
            answer
            for index, questions in QUESTIONS.items()
            for answer in tried(connection, index, questions)
        ]
        bills = written(connection, sizes[-1])

    show_answers(lab, sizes[-1], answers)
    draw(lab, growth)
    show_bills(lab, bills, {answer.on: answer.mebibytes for answer in answers})
    lab.note(READING)
    for answer in answers:
        lab.block(f"{answer.question}, with {answer.on}", answer.text)


def measured_at(
    connection: psycopg.Connection[Any], have: int, want: int
) -> tuple[int, int, int, int]:
    """Grow the table; return pages for all of it, for a product's lines and an order's by index."""
    grow(connection, have, want)
    product = tried(connection, BY_PRODUCT, QUESTIONS[BY_PRODUCT])[0]
    order = tried(connection, PRIMARY_KEY, QUESTIONS[PRIMARY_KEY])[0]
    return want, product.without.pages, product.with_index.pages, order.with_index.pages


def tried(
    connection: psycopg.Connection[Any], index: LiteralString, questions: dict[str, LiteralString]
) -> list[Answer]:
    """Ask without the index and with it; DDL, too, can be rolled back."""
    without = [explained(connection, query) for query in questions.values()]
    with connection.transaction(force_rollback=True):
        connection.execute(b"CREATE INDEX tried_idx ON order_items " + index.encode())
        mebibytes = scalar(connection, b"SELECT pg_relation_size('tried_idx') / 2.0::float8 ^ 20")
        with_index = [explained(connection, query) for query in questions.values()]
        texts = [as_text(connection, query) for query in questions.values()]
    return [
        Answer(question, index, mebibytes, before, after, text)
        for question, before, after, text in zip(questions, without, with_index, texts, strict=True)
    ]


def explained(connection: psycopg.Connection[Any], query: LiteralString) -> Plan:
    """Run a query twice and keep the second plan: the first may have waited for the disk."""
    as_text(connection, query)
    plan = explain(connection, query)
    top = scan = plan["Plan"]
    while "Plans" in scan and scan["Node Type"] != "Bitmap Heap Scan":
        scan = scan["Plans"][0]
    rows = round(scan["Actual Rows"] * scan["Actual Loops"])
    return Plan(scan["Node Type"], rows, pages_of(top), plan["Execution Time"])


def as_text(connection: psycopg.Connection[Any], query: LiteralString) -> str:
    """Return a plan as psql shows it."""
    lines = connection.execute(b"EXPLAIN (ANALYZE, BUFFERS) " + query.encode())
    return "\n".join(line for (line,) in lines)


def explain(
    connection: psycopg.Connection[Any], query: LiteralString, values: dict[str, int] | None = None
) -> dict[str, Any]:
    """Return a plan as PostgreSQL describes it to programs."""
    statement = b"EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) " + query.encode()
    return scalar(connection, statement, values)[0]


def pages_of(node: dict[str, Any]) -> int:
    """Count the pages that a node and all beneath it looked at, in the cache or not."""
    return node["Shared Hit Blocks"] + node["Shared Read Blocks"]


def scalar(
    connection: psycopg.Connection[Any], statement: bytes, values: dict[str, int] | None = None
) -> Any:  # noqa: ANN401 - whatever the statement selects
    """Return the only value of the only row."""
    row = connection.execute(statement, values).fetchone()
    if row is None:
        raise LookupError("There is no row.")
    return row[0]


def written(connection: psycopg.Connection[Any], have: int) -> list[Bill]:
    """Insert with no index, then with more and more of them; keep neither rows nor indexes."""
    with connection.transaction(force_rollback=True):
        bills = [billed(connection, "none", have)]
        for index in (PRIMARY_KEY, BY_PRODUCT, BY_NAME):
            connection.execute(b"CREATE INDEX ON order_items " + index.encode())
            have += _REPEATS * ROWS
            bills.append(billed(connection, f"and {index}", have))
    return bills


def billed(connection: psycopg.Connection[Any], indexes: str, have: int) -> Bill:
    """Insert 10,000 rows, some times."""
    plans = [
        explain(connection, INSERT, {"first": first, "last": first + ROWS - 1})
        for first in range(have, have + _REPEATS * ROWS, ROWS)
    ]
    return Bill(
        indexes,
        median(plan["Execution Time"] for plan in plans),
        int(median(pages_of(plan["Plan"]) for plan in plans)),
        median(plan["Plan"]["WAL Bytes"] for plan in plans) / 2**20,
    )


def show_answers(lab: Lab, size: int, answers: list[Answer]) -> None:
    """Put what it costs without the index beside what it costs with it."""
    lab.table(
        f"{size:,} order items: pages of 8 KiB and milliseconds, without an index and with it",
        (
            *("question", "index", "plan", "rows"),
            *("pages without", "pages with", "ms without", "ms with"),
        ),
        [
            (
                *(answer.question, f"`{answer.on}`"),
                *(answer.with_index.scan, answer.with_index.rows),
                *(answer.without.pages, answer.with_index.pages),
                *(answer.without.milliseconds, answer.with_index.milliseconds),
            )
            for answer in answers
        ],
    )
    lab.note(
        "Without an index, every plan is a *Seq Scan*: all pages, whatever is asked. Four times it "
        "is one with the index, too:\n\n"
        "- *wrong column order*: entries are sorted by `order_id` first, so a product's are "
        "everywhere. (PostgreSQL 18 can skip from one value of the first column to the next, which "
        "pays when these are few. Orders are many.)\n"
        "- *LIKE '%4711'*: texts are sorted by how they begin, and this pattern doesn't say how. "
        "(*LIKE 'Tea 4711%'* does: all from `Tea 4711` up to `Tea 4712`. That takes a column that "
        "is sorted by code point, as `COLLATE pg_c_utf8` in schema.sql has it; for one that is "
        "sorted by the rules of a language, create the index with `text_pattern_ops`.)\n"
        "- *function*: the index holds names and not what `upper` makes of them.\n"
        "- *low selectivity*: here the index could be used, and PostgreSQL has reckoned that it "
        "would cost more. Seven rows of ten fit; they are in every page, and to read each page "
        "once is quicker than to go there by way of the index."
    )


def draw(lab: Lab, growth: list[tuple[int, int, int, int]]) -> None:
    """Plot pages against the size of the table, both on scales of powers of ten."""
    sizes, *curves = zip(*growth, strict=True)
    labels = (
        "without an index: all of them",
        "with an index: a product's lines (1 in 10,000)",
        "with an index: an order's lines (always 3)",
    )
    with lab.figure() as figure:
        axes = figure.subplots(1, 1, squeeze=False)[0, 0]
        for curve, label, marker in zip(curves, labels, "so^", strict=True):
            axes.plot(sizes, curve, f"{marker}-", label=label)
        axes.set(xscale="log", yscale="log", xlabel="rows in the table", ylabel="pages read")
        axes.legend()
        axes.grid(visible=True, alpha=0.3)


def show_bills(lab: Lab, bills: list[Bill], sizes: dict[str, float]) -> None:
    """Show what each further index costs a write, and judge one that the schema does without."""
    lab.table(
        f"What {ROWS:,} new rows cost",
        ("indexes", "ms", "pages", "WAL, MiB"),
        [tuple(bill) for bill in bills],
    )
    lab.table("What an index takes", ("index", "MiB"), [(f"`{i}`", sizes[i]) for i in sizes])
    lab.note(
        "Equal entries are stored once, with the list of their rows; entries that differ in one "
        "column, or carry another with `INCLUDE`, are not. Hence the factor of four."
    )
    _, before, after, _ = bills
    lab.note(
        f"Why has `schema.sql` no index on `{BY_PRODUCT}` alone? It would take "
        f"{sizes[BY_PRODUCT]:,.0f} MiB and look at {(after.pages - before.pages) / ROWS:.1f} pages "
        f"more for each new row ({before.pages:,} pages for {ROWS:,} rows become {after.pages:,}), "
        "on every order, in the middle of the one transaction that has to be quick. And nobody "
        "would use it: the sales report goes by time, an order's lines by order, a product's "
        "history by `stock_movements`, and products are never deleted, so that no foreign key has "
        "to look for their lines. An index is worth its price when a question is asked, not when "
        "one can be imagined."
    )
