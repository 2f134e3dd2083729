"""The experiments about races and failures run to their end and find what the lesson says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from phase2_ecommerce.labs import _order, _timeline, witness
from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

PHASE = find_phase(2)
WAYS = [
    "naive: read, then write",
    "conditional UPDATE",
    "FOR NO KEY UPDATE",
    "version column, retry",
    "SERIALIZABLE, retry",
    "advisory lock",
]


def tables(name: str, out: Path) -> list[list[list[str]]]:
    """Run an experiment and read the cells of each table of its report, without the headings."""
    labs.run(PHASE, name, quick=True, out=out)
    found: list[list[list[str]]] = [[]]
    for line in (out / f"{name}.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append(line.strip("| ").split(" | "))
        elif found[-1]:
            found.append([])
    return [table[2:] for table in found if table]


def test_only_read_then_write_sells_more_than_there_is(tmp_path: Path) -> None:
    sold, *_ = tables("race", tmp_path)

    assert [row[0] for row in sold] == WAYS
    assert int(sold[0][1]) > 10
    assert {(row[1], row[4]) for row in sold[1:]} == {("10", "100")}
    assert {oversold for row in sold[1:] for oversold in (row[2], row[5])} == {"0"}
    assert "200 buyers for 10 pieces each of 10 products" in (tmp_path / "race.md").read_text()
    assert (tmp_path / "race.svg").exists()


def test_only_read_then_write_loses_sales_from_plenty(tmp_path: Path) -> None:
    _, pieces, hot, many = tables("race", tmp_path)

    assert max(int(buyers) for *_, buyers in pieces) > 1
    assert int(hot[0][-1]) > 0
    assert {row[-1] for row in hot[1:] + many[1:]} == {"0"}


def test_the_last_piece_is_sold_twice_by_read_then_write_every_time(tmp_path: Path) -> None:
    *_, verdicts = tables("witness", tmp_path)

    assert [row[0] for row in verdicts] == WAYS
    assert [row[4] for row in verdicts] == ["sold twice"] + ["sold once"] * 5
    assert {row[5] for row in verdicts} == {"3 of 3"}


def test_the_naive_requests_have_both_read_before_either_writes(tmp_path: Path) -> None:
    _, naive, conditional, row_lock, _ = tables("witness", tmp_path)

    assert [(row[1], row[4]) for row in naive if row[4] != "-"] == [
        ("request A", "1"),
        ("request B", "1"),
    ]
    assert [row[5] for row in naive if row[5] != "-"] == ["0", "0"]
    assert [row[5] for row in conditional if row[5] != "-"] == ["0", "0 rows"]
    assert [row[4] for row in row_lock if row[4] != "-"] == ["1", "0"]
    assert len(list(tmp_path.glob("witness_*.svg"))) == 3


def test_what_each_way_sends_is_read_off_its_connection(tmp_path: Path) -> None:
    sent, *_ = tables("witness", tmp_path)

    assert [row[0] for row in sent] == WAYS
    assert [sql.count(";") for _, sql in sent] == [3, 0, 3, 1, 4, 4]
    assert [sql for _, sql in sent if "BEGIN" not in sql] == [sent[1][1], sent[3][1]]


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (("sold out", "try again"), "sold to nobody"),
        (("sold out", "yours"), "sold once"),
        (("yours", "yours"), "sold twice"),
    ],
)
def test_the_verdict_counts_those_who_got_the_piece(answers: tuple[str, str], verdict: str) -> None:
    events = [_timeline.Event("request", witness.ANSWER + answer) for answer in answers]

    assert witness.verdict_of(events, stock=0) == (*answers, 0, verdict)


def test_of_two_orders_locked_as_asked_for_one_is_refused(tmp_path: Path) -> None:
    _, locks, _, verdicts = tables("deadlock", tmp_path)

    collided, queued = verdicts
    assert sorted(collided[1:]) == ["9", "9", "placed", "refused (40P01)"]
    assert queued[1:] == ["placed", "placed", "8", "8"]
    assert [row[-1] for row in locks if row[-1] != "has it"] == [
        "waits for order B",
        "waits for order A",
    ]


def test_the_deadlock_is_told_in_postgresqls_own_words(tmp_path: Path) -> None:
    tables("deadlock", tmp_path)

    report = (tmp_path / "deadlock.md").read_text(encoding="utf-8")
    assert report.count("blocked by process") >= 2
    assert "What the server's log says" in report
    assert len(list(tmp_path.glob("deadlock_*.svg"))) == 3


def test_only_what_is_held_together_is_never_left_half(tmp_path: Path) -> None:
    by_itself, held, inside = tables("rollback", tmp_path)

    assert [row[-1].partition(":")[0] for row in by_itself] == ["nothing"] * 2 + ["half"] * 4 + [
        "whole"
    ]
    half = {(way, how): int(count) for way, how, *_, count in held}
    assert half["each statement by itself", "an exception"] == 4
    assert {count for (way, _), count in half.items() if "transaction" in way} == {0}
    assert {count for (way, _), count in half.items() if "COMMIT" in way} == {0}
    assert {row[-1] for row in inside} == {"nothing"}


@pytest.mark.parametrize("way", [_order.by_hand, _order.with_transaction])
def test_the_order_step_by_step_refuses_a_product_that_is_not_there(
    clean_database: str, way: _order.Way
) -> None:
    with psycopg.connect(clean_database, autocommit=True) as conn:
        conn.execute("INSERT INTO users (name, email) VALUES ('Ada', 'ada@example.org')")
        conn.execute("INSERT INTO products (sku, name, price, stock) VALUES ('TEA', 'Tea', 250, 9)")
        [(user, known)] = conn.execute("SELECT users.id, products.id FROM users, products")
        order = _order.Order("a-key", user, {known: 1, known + 1: 1})

        with pytest.raises(_order.UnknownProduct):
            way(conn, order)

        assert conn.execute("SELECT FROM orders").fetchall() == []
        assert conn.execute("SELECT stock FROM products").fetchall() == [(9,)]


def test_every_experiment_has_a_test() -> None:
    assert set(PHASE.labs) == {"deadlock", "index", "isolation", "race", "rollback", "witness"}
