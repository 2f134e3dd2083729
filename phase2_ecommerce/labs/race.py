"""Two hundred buyers and ten pieces: six ways to sell, side by side.

Each way sells one piece in a few lines of SQL (`_purchases.py`, read it first):

- **naive**: SELECT the stock, subtract 1 in the program, UPDATE the row to the result.
- **conditional UPDATE**: one UPDATE that subtracts 1 where there is at least 1; 0 rows: sold out.
- **FOR NO KEY UPDATE**: the naive way, but its SELECT locks the row until the COMMIT.
- **version column**: SELECT stock and version, UPDATE where the version is still that one; 0 rows:
  somebody was faster, begin again.
- **SERIALIZABLE**: the naive way at that level; if it ends with error 40001, begin again.
- **advisory lock**: lock the product's number by a SELECT of its own, then the naive way.

Which of them sells more pieces than there are? How many more? And of those that are right: which is
fastest when everybody wants the same product, and does it matter when they want a hundred different
ones?
"""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from ._market import CONNECTIONS, Outcome, connections, rush
from ._purchases import WAYS, naive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.lab import Lab

    Shop = psycopg.Connection[Any]
    Axes = Any  # matplotlib's types are partial

HOT = 1
MANY = range(1, 101)
SHELVES = 10_000
"""More than anybody wants: in a table of two pages PostgreSQL would not bother to use the index,
and SERIALIZABLE would note that everybody has read all of it.
"""
PIECES = 10
BUYERS = 200
BUYERS_EACH = 20
"""Buyers for each of many products: more than there are pieces."""
PLENTY = 1_000_000
ROUNDS = 3
"""The ways take turns, so that a moment in which the machine is busy hits all of them."""


def run(lab: Lab) -> None:
    """Sell out, then sell from plenty; each at one hot product and at a hundred."""
    lab.predict("200 buyers, 10 pieces, read-then-write: how many buyers are told they got one?")
    lab.predict("Of the right ways, which is fastest when all want one product? Which is slowest?")
    with (
        closing(psycopg.connect(lab.database_url, autocommit=True)) as shop,
        connections(lab.database_url) as conns,
    ):
        furnish(shop)
        shelf = MANY[:10] if lab.quick else MANY
        one = sell_out(shop, conns, [HOT] * BUYERS)
        each = sell_out(shop, conns, shuffled([*shelf] * BUYERS_EACH))
        purchases, rounds = (64, 1) if lab.quick else (800, ROUNDS)
        hot = measure(shop, conns, [HOT] * purchases, rounds)
        many = measure(shop, conns, shuffled([*MANY] * (purchases // 100 or 1)), rounds)
    show_sold(lab, one, each, len(shelf))
    lab.note(
        "**How it oversells.** A piece is known by how many it left. The right ways tell each of "
        "these numbers to one buyer. The naive way tells it to all who read the same stock before "
        "the first of them wrote; then all of them write the same number."
    )
    show_pieces(lab, one["naive: read, then write"])
    show_speed(lab, "one hot product", hot)
    show_speed(lab, f"{len(MANY)} products", many)
    lab.note(
        f"Purchases on {CONNECTIONS} connections, each by the next buyer as soon as the last one "
        "has an answer. *Lost* are the pieces that were sold and are still counted as stock. "
        "Retries are made at once; each is a purchase that did all its work in vain."
    )
    draw(lab, one, hot, many)


def furnish(shop: Shop) -> None:
    """Put products on the shelves, with a version for the one way that needs it."""
    shop.execute("ALTER TABLE products ADD COLUMN version bigint NOT NULL DEFAULT 0")
    shop.execute(
        """
        INSERT INTO products (sku, name, price, stock)
        SELECT 'TEA-' || n, 'Tea no. ' || n, 250, 0
          FROM generate_series(1, %(shelves)s) AS n
        """,
        {"shelves": SHELVES},
    )
    shop.execute("ANALYZE products")


def stock_up(shop: Shop, pieces: int) -> None:
    """Begin each run alike: as many pieces of each product, and no dead rows in the way."""
    shop.execute(
        "UPDATE products SET stock = %(pieces)s WHERE id <= %(last)s",
        {"pieces": pieces, "last": MANY[-1]},
    )
    shop.execute("VACUUM products")


def shuffled(wishes: list[int]) -> list[int]:
    """Let the buyers come in no order, but in the same one to each of the ways."""
    random.Random(2).shuffle(wishes)  # noqa: S311 - a queue is no secret
    return wishes


def sell_out(shop: Shop, conns: Sequence[Shop], wishes: Sequence[int]) -> dict[str, Outcome]:
    """Sell 10 pieces of each product to more buyers than that, each of the ways in turn."""
    outcomes: dict[str, Outcome] = {}
    for name, way in WAYS.items():
        stock_up(shop, PIECES)
        outcomes[name] = rush(conns, way, wishes)
    return outcomes


def measure(
    shop: Shop, conns: Sequence[Shop], wishes: Sequence[int], rounds: int
) -> dict[str, tuple[Outcome, int]]:
    """Sell from plenty in rounds; tells for each way what it did and how many sales it lost."""
    total = {name: Outcome() for name in WAYS}
    lost = dict.fromkeys(WAYS, 0)
    for name, way in [*WAYS.items()] * rounds:
        stock_up(shop, PLENTY)
        outcome = rush(conns, way, wishes)
        total[name].add(outcome)
        lost[name] += outcome.sold - taken(shop)
    return {name: (total[name], lost[name]) for name in WAYS}


def taken(shop: Shop) -> int:
    """Count the pieces that are gone from the shelves, by the database's own account."""
    row = shop.execute(
        "SELECT sum(%(plenty)s - stock)::bigint FROM products WHERE id <= %(last)s",
        {"plenty": PLENTY, "last": MANY[-1]},
    ).fetchone()
    return row[0] if row else 0


def show_sold(lab: Lab, one: dict[str, Outcome], each: dict[str, Outcome], products: int) -> None:
    """Compare what was sold with what there was: of one product, and of each of many."""
    lab.table(
        f"{BUYERS} buyers for {PIECES} pieces of one product; then "
        f"{products * BUYERS_EACH:,} buyers for {PIECES} pieces each of {products} products",
        ("way", "sold of 10", "oversold", "retries", f"sold of {products * PIECES:,}", "oversold"),
        [
            (
                name,
                one[name].sold,
                oversold(one[name]),
                one[name].retries,
                each[name].sold,
                oversold(each[name]),
            )
            for name in WAYS
        ],
    )


def oversold(outcome: Outcome) -> int:
    """Count the buyers who were sold a piece that somebody else was sold as well."""
    return outcome.sold - len(outcome.told)


def show_pieces(lab: Lab, outcome: Outcome) -> None:
    """Tell how many buyers went away with the same piece."""
    lab.table(
        "The naive way: how many buyers bought the same piece",
        ("stock they read", "stock they wrote", "buyers"),
        [
            (left + 1, left, buyers)
            for (_, left), buyers in sorted(outcome.told.items(), reverse=True)
        ],
    )


def show_speed(lab: Lab, what: str, outcomes: dict[str, tuple[Outcome, int]]) -> None:
    """Compare speed, waiting and the work done in vain."""
    purchases = len(outcomes[next(iter(WAYS))][0].milliseconds)
    lab.table(
        f"{purchases:,} purchases from plenty of stock: {what}",
        ("way", "per second", "p50 ms", "p99 ms", "retries", "lost"),
        [
            (
                name,
                outcome.per_second,
                outcome.percentile(50),
                outcome.percentile(99),
                outcome.retries,
                lost,
            )
            for name, (outcome, lost) in outcomes.items()
        ],
    )


def draw(
    lab: Lab,
    one: dict[str, Outcome],
    hot: dict[str, tuple[Outcome, int]],
    many: dict[str, tuple[Outcome, int]],
) -> None:
    """Draw what was sold, how fast, and how long one waited; the naive way in red."""
    with lab.figure() as figure:
        sold, fast, slow = figure.subplots(1, 3, sharey=True)
        bars(sold, "buyers who got one of 10", lambda name: one[name].sold)
        sold.axvline(PIECES, color="black", linestyle="--", linewidth=1)
        pairs(fast, "purchases per second", hot, many, lambda outcome: outcome.per_second)
        pairs(slow, "p99, ms", hot, many, lambda outcome: outcome.percentile(99))
        slow.legend(loc="upper right", fontsize=8)
        sold.invert_yaxis()


def bars(axes: Axes, title: str, length: Callable[[str], float]) -> None:
    """Draw a bar for each way."""
    colours = ["tab:red" if way is naive else "tab:green" for way in WAYS.values()]
    drawn = axes.barh(list(WAYS), [length(name) for name in WAYS], color=colours)
    axes.bar_label(drawn, padding=2, fontsize=8)
    axes.set_title(title, fontsize=9)
    axes.margins(x=0.2)


def pairs(
    axes: Axes,
    title: str,
    hot: dict[str, tuple[Outcome, int]],
    many: dict[str, tuple[Outcome, int]],
    figure_of: Callable[[Outcome], float],
) -> None:
    """Draw two bars for each way: at one hot product, and at many."""
    for shift, label, outcomes in ((-0.2, "one hot product", hot), (0.2, "100 products", many)):
        lengths = [figure_of(outcomes[name][0]) for name in WAYS]
        places = [place + shift for place in range(len(WAYS))]
        axes.barh(places, lengths, height=0.4, label=label)
    axes.set_title(title, fontsize=9)
    axes.grid(visible=True, axis="x", alpha=0.3)
