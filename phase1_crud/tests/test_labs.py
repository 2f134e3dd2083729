"""Every experiment runs to its end and finds what the lesson says, at sizes that take a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

PHASE = find_phase(1)
TESTED = {"index_on_off", "n_plus_one", "offset_vs_keyset"}


def rows(name: str, out: Path) -> list[list[str]]:
    """Run an experiment and read the cells of all tables in its report, without the headings."""
    labs.run(PHASE, name, quick=True, out=out)
    lines = (out / f"{name}.md").read_text(encoding="utf-8").splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]


def test_every_experiment_has_a_test() -> None:
    assert set(PHASE.labs) == TESTED


def test_every_query_looks_at_fewer_pages_with_its_index(tmp_path: Path) -> None:
    table = [cells for cells in rows("index_on_off", tmp_path) if len(cells) == 7][2:]

    pages = {cells[0]: [int(cell.replace(",", "")) for cell in cells[5:]] for cells in table}
    assert len(pages) == 5
    assert all(with_index < without for with_index, without in pages.values())


def test_only_offset_shows_a_post_twice(tmp_path: Path) -> None:
    table = rows("offset_vs_keyset", tmp_path)

    shown_twice = {cells[0]: int(cells[3]) for cells in table if cells[0] in {"OFFSET", "keyset"}}
    assert shown_twice == {"OFFSET": 45, "keyset": 0}
    assert (tmp_path / "offset_vs_keyset.svg").exists()


def test_a_loop_sends_two_queries_more_for_every_post(tmp_path: Path) -> None:
    table = rows("n_plus_one", tmp_path)[2:]

    queries = {(name, posts): int(count) for name, posts, count, *_ in table}
    assert queries["a loop", "20"] == 41
    assert queries["a loop", "100"] == 201
    assert queries["one join", "20"] == queries["one join", "100"] == 1
