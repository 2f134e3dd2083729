"""The table of requirements and proofs: complete, honest, and what the marks of the tests say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import asvs
from .asvs import Proof, Requirement

if TYPE_CHECKING:
    from pathlib import Path

REMAKE = "make it anew: .venv/bin/python -m phase3_auth.tests.asvs"
DEMANDED = [
    Requirement("1.1.1", 1, "One."),
    Requirement("1.1.2", 1, "Two.", not_met="No time."),
    Requirement("1.1.3", 2, "Three.", not_applicable="Nothing to do."),
]


def test_the_table_is_what_the_tests_say() -> None:
    assert asvs.TABLE.read_text("utf-8") == asvs.made(), REMAKE


def test_each_requirement_has_a_test_or_a_reason_and_each_mark_a_requirement() -> None:
    _, demanded = asvs.requirements((asvs.TESTS / "asvs.toml").read_text("utf-8"))

    assert asvs.problems(demanded, asvs.proofs()) == []


def test_no_requirement_of_a_section_is_left_out() -> None:
    """In these sections those of level 3, which are not here, come last."""
    sections, demanded = asvs.requirements((asvs.TESTS / "asvs.toml").read_text("utf-8"))
    counts = {"6.2": 12, "6.3": 4, "7.2": 4, "7.3": 2, "7.4": 5, "8.2": 3, "9.1": 3, "9.2": 4}
    counts |= {"10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11}

    assert [each.number for each in demanded] == [
        f"{section}.{number}" for section in sections for number in range(1, counts[section] + 1)
    ]
    assert {each.level for each in demanded} == {1, 2}


def test_every_link_leads_to_a_test() -> None:
    for proven in asvs.proofs().values():
        for proof in proven:
            assert f"def {proof.test}(" in (asvs.PHASE / proof.file).read_text("utf-8")


def test_marks_are_found_at_tests_and_modules(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "test_one.py").write_text(
        "import pytest\n"
        "@pytest.mark.asvs('1.1.1', '1.1.2')\n"
        "@pytest.mark.parametrize('x', [1])\n"
        "def test_that_it_works(x): ...\n"
        "@pytest.mark.asvs('1.1.1')\n"
        "async def test_that_it_waits(): ...\n"
        "def test_that_nobody_marked(): ...\n"
    )
    (tmp_path / "below" / "test_two.py").write_text(
        "import pytest\npytestmark = [pytest.mark.slow, pytest.mark.asvs('1.1.3')]\n"
    )

    assert asvs.proofs(tmp_path, tmp_path) == {
        "1.1.1": [
            Proof("test_one.py", "test_that_it_works"),
            Proof("test_one.py", "test_that_it_waits"),
        ],
        "1.1.2": [Proof("test_one.py", "test_that_it_works")],
        "1.1.3": [Proof("below/test_two.py", "")],
    }


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.asvs('1.1.1')\ndef helper(): ...\n",
        "class TestIt:\n    @pytest.mark.asvs('1.1.1')\n    def test_it(self): ...\n",
        "MARK = pytest.mark.asvs('1.1.1')\n",
        "x = [pytest.param(1, marks=pytest.mark.asvs('1.1.1'))]\n",
    ],
)
def test_a_mark_that_would_be_overlooked_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "test_one.py").write_text(source)

    with pytest.raises(ValueError, match="belongs to a test"):
        asvs.proofs(tmp_path, tmp_path)


def test_whatever_would_make_the_table_lie_is_told() -> None:
    proof = Proof("test_one.py", "test_it")

    assert asvs.problems(DEMANDED, {"1.1.1": [proof]}) == []
    assert asvs.problems(DEMANDED, {"1.1.2": [proof], "9.9.9": [proof]}) == [
        "9.9.9 is no requirement of ours",
        "1.1.1 has neither a test nor a reason",
        "1.1.2 has a test, and a reason for having none",
    ]
    both = Requirement("1.1.1", 1, "One.", not_met="No time.", not_applicable="Nothing to do.")
    assert asvs.problems([both], {}) == ["1.1.1 is not met and not applicable at once"]


def test_a_row_tells_what_is_proven_and_what_is_not() -> None:
    proven = {"1.1.1": [Proof("tests/test_one.py", "test_that_it_works")]}

    text = asvs.table({"1.1": "Things"}, DEMANDED, proven)

    assert "Of 3 requirements 1 are proven by a test, 1 are not applicable, and\n1 are" in text
    assert "| 1.1.1 | 1 | One. | [that it works](tests/test_one.py) |" in text
    assert "| 1.1.2 | 1 | Two. | **Not met.** No time. |" in text
    assert "| 1.1.3 | 2 | Three. | **Not applicable.** Nothing to do. |" in text
