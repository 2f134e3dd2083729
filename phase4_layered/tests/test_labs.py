"""The experiments run to their end and find what the lesson says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from phase4_layered.labs import front_ends, injection
from phase4_layered.labs._sources import Source
from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

PHASE = find_phase(4)


def rows_of(report: str) -> list[list[str]]:
    """Return the cells of all tables, headings and rulers included."""
    return [line.strip("| ").split(" | ") for line in report.splitlines() if line.startswith("|")]


def test_every_front_end_says_the_same_and_loads_less_than_the_one_before(tmp_path: Path) -> None:
    labs.run(PHASE, "front_ends", quick=True, out=tmp_path)

    rows = rows_of((tmp_path / "front_ends.md").read_text(encoding="utf-8"))
    said = {row[0]: row[1:] for row in rows if row[0] in front_ends.SCRIPT}
    loaded = dict(
        row for row in rows if row[0] in {"over HTTP", "at a till", "at a till, in memory"}
    )
    assert said.keys() == set(front_ends.SCRIPT)
    assert {len(set(answers)) for answers in said.values()} == {1}
    assert list(loaded.values()) == ["fastapi, psycopg", "psycopg", "neither"]
    assert said["stock TEA-1"] == ["7 pieces"] * 3


def test_no_file_of_this_phase_knows_both_http_and_sql(tmp_path: Path) -> None:
    labs.run(PHASE, "cost", quick=True, out=tmp_path)

    rows = rows_of((tmp_path / "cost.md").read_text(encoding="utf-8"))
    counts = {row[0]: row[1:] for row in rows}
    assert int(counts["both"][0]) > 0
    assert counts["both"][1] == "0"
    assert counts["SQL statements"][0] == counts["SQL statements"][1]


def test_every_way_of_handing_a_service_over_is_measured(tmp_path: Path) -> None:
    labs.run(PHASE, "injection", quick=True, out=tmp_path)

    rows = rows_of((tmp_path / "injection.md").read_text(encoding="utf-8"))
    assert [row[0] for row in rows[2:]] == list(injection.routes(object()))
    assert rows[2][2] == "0.00"


@pytest.mark.parametrize(
    ("text", "code", "functions", "statements"),
    [
        ("", 0, [], 0),
        ('"""A docstring."""\n\n# A comment.\nX = 1\n', 1, [], 0),
        ('def f():\n    """Do."""\n    # Why.\n    return """\n    a\n    """\n', 4, [4], 0),
        ('S = """\n    SELECT id\n      FROM users\n"""\n', 4, [], 1),
        ('"""SELECT what you like FROM this."""\n', 0, [], 0),
        ("def f():\n    def g():\n        pass\n    return g\n", 4, [4, 2], 0),
    ],
)
def test_code_is_what_is_neither_blank_nor_comment_nor_docstring(
    text: str, code: int, functions: list[int], statements: int
) -> None:
    source = Source("layer", text)

    assert (len(source.code), source.functions, source.statements) == (code, functions, statements)


def test_the_till_helps_who_does_not_know_it() -> None:
    said = front_ends.ended([*front_ends.TILL, "--in-memory"], "fly\norder\nstock TEA-1\n\n")

    assert re.fullmatch(
        r"There is no fly\. There are: .*\.\n"
        r"That is not how order is used: .*\n"
        r"refused: product_not_found\n"
        r"neither",
        said,
    )
