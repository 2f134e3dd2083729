"""The index lab finds what it says, at a size that takes a moment; its times prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase2_ecommerce.labs.index import QUESTIONS
from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

USELESS = {
    "wrong column order: a product's lines",
    "LIKE '%4711'",
    "function: upper(name) = 'TEA 4711'",
    "low selectivity: quantity <= 5",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the lab once; returns where its results are."""
    out = tmp_path_factory.mktemp("index")
    labs.run(find_phase(2), "index", quick=True, out=out)
    return out


@pytest.fixture(scope="module")
def tables(results: Path) -> dict[int, list[list[str]]]:
    """Read the rows of all tables in the report, by their number of columns."""
    lines = (results / "index.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]
    return {width: [row for row in rows if len(row) == width][2:] for width in map(len, rows)}


def test_every_question_is_answered(tables: dict[int, list[list[str]]]) -> None:
    asked = [question for questions in QUESTIONS.values() for question in questions]

    assert [question for question, *_ in tables[8]] == asked


def test_an_index_saves_most_pages_or_is_left_aside(tables: dict[int, list[list[str]]]) -> None:
    for question, _, plan, _, without, with_index, *_ in tables[8]:
        saved = pages(with_index) * 10 < pages(without)

        assert saved == ("Seq Scan" not in plan) == (question not in USELESS)


def test_only_what_an_index_covers_is_answered_by_it_alone(
    tables: dict[int, list[list[str]]],
) -> None:
    alone = [index for _, index, plan, *_ in tables[8] if plan == "Index Only Scan"]

    assert alone == ["`(product_id) INCLUDE (quantity)`"]


def test_every_further_index_costs_a_write_pages_and_log(
    tables: dict[int, list[list[str]]],
) -> None:
    looked_at = [pages(row[2]) for row in tables[4]]
    logged = [float(row[3]) for row in tables[4]]

    assert len(looked_at) == 4
    assert looked_at == sorted(set(looked_at))
    assert logged == sorted(set(logged))


def test_a_partial_index_is_the_smallest(tables: dict[int, list[list[str]]]) -> None:
    sizes = {index: float(mebibytes) for index, mebibytes in tables[2]}

    assert min(sizes, key=sizes.__getitem__) == "`(product_id) WHERE quantity >= 100`"


def test_the_picture_is_drawn(results: Path) -> None:
    assert (results / "index.svg").exists()


def pages(cell: str) -> int:
    """Read a number as the report writes it."""
    return int(cell.replace(",", ""))
