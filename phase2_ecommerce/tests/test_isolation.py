"""The isolation lab's scripts say the truth, at every level, and a false one is found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase2_ecommerce.labs import _player, _scripts, isolation
from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

    from phase2_ecommerce.labs._scripts import Script

# https://github.com/ept/hermitage, its table's lines for PostgreSQL: what each level prevents.
HERMITAGE = {
    "READ COMMITTED": {"G0", "G1a", "G1b", "G1c", "OTV"},
    "REPEATABLE READ": {"G0", "G1a", "G1b", "G1c", "OTV", "PMP", "P4", "G-single"},
    "SERIALIZABLE": set(isolation.CODES),
}
SCRIPTS = isolation.scripts()
LOST_UPDATE = next(script for script in SCRIPTS if script.code == "P4")


@pytest.mark.parametrize("level", _player.LEVELS)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path.stem)
def test_it_goes_as_the_script_says(database_url: str, script: Script, level: str) -> None:
    played = _player.play(database_url, script, level)

    assert level != "SERIALIZABLE" or played.order is not None


@pytest.mark.parametrize("level", _player.LEVELS)
def test_what_was_measured_agrees_with_the_published_matrix(database_url: str, level: str) -> None:
    anomalies = [script for script in SCRIPTS if script.code]
    happened = {
        script.code
        for script in anomalies
        if _player.play(database_url, script, level).section.verdict == "happens"
    }

    assert {script.code for script in anomalies} == set(isolation.CODES)
    assert set(isolation.CODES) - happened == HERMITAGE[level]


def test_only_circular_flow_is_prevented_at_the_price_of_another_anomaly() -> None:
    prices = {
        (script.code, level, script.section(level).but)
        for script in SCRIPTS
        for level in _player.LEVELS
        if script.section(level).but
    }

    assert prices == {
        ("G1c", "READ COMMITTED", "write skew"),
        ("G1c", "REPEATABLE READ", "write skew"),
    }


# Each makes the lost update's script say something false: what is replaced by what, at which level
# it is played, which line is named, and what is found there.
LIES = {
    "a wrong value": ("T2 => 10", "T2 => 9", "READ COMMITTED", 11, "found:    T2 10"),
    "a wrong count": ("UPDATE 1", "UPDATE 0", "READ COMMITTED", 14, "found:    T2 UPDATE 1"),
    "no waiting": ("T2 BLOCKS", "T2", "READ COMMITTED", 13, "found:    T2 BLOCKS"),
    "waiting": (
        "9 WHERE id = 1;  -- T1",
        "9 WHERE id = 1;  -- T1 BLOCKS",
        "READ COMMITTED",
        12,
        "found:    T1 UPDATE 1",
    ),
    "that it waits on": (", T2 goes on => UPDATE 1", "", "READ COMMITTED", 14, "T2 still BLOCKS"),
    "success": ("fails 40001", "goes on", "REPEATABLE READ", 23, "found:    T2 fails 40001"),
    "failure": ("goes on => UPDATE 1", "fails 40001", "READ COMMITTED", 14, "T2 UPDATE 1"),
    "a wrong SQLSTATE": ("40001", "40P01", "SERIALIZABLE", 23, "found:    T2 fails 40001"),
    "that all is well": (": happens", ": prevented", "READ COMMITTED", 9, "no order gives them"),
    "that all is lost": (": prevented", ": happens", "SERIALIZABLE", 18, "they are those of T1"),
    "a next statement": ("ROLLBACK; ", "SELECT 1; ", "SERIALIZABLE", 24, "T2 fails 25P02"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_script_that_says_something_false_is_found_out(
    database_url: str, tmp_path: Path, lie: str
) -> None:
    truth, falsehood, level, line, found = LIES[lie]
    false = rewritten(tmp_path, truth, falsehood)

    with pytest.raises(_player.Surprise) as surprise:
        _player.play(database_url, false, level)

    assert str(surprise.value).startswith(f"false.sql:{line}: ")
    assert found in str(surprise.value)


def test_who_waits_can_not_say_anything_else(database_url: str, tmp_path: Path) -> None:
    release = "COMMIT;                                      -- T1, T2 goes on => UPDATE 1\n"
    false = rewritten(tmp_path, release, "")

    with pytest.raises(_player.Surprise, match=r"false\.sql:14: T2 still BLOCKS"):
        _player.play(database_url, false, "READ COMMITTED")


def test_a_transaction_that_never_ends_is_found_out(database_url: str, tmp_path: Path) -> None:
    false = rewritten(tmp_path, "COMMIT;                                      -- T2\n", "")

    with pytest.raises(_player.Surprise, match="T2 has not ended"):
        _player.play(database_url, false, "READ COMMITTED")


@pytest.mark.parametrize(
    ("truth", "falsehood"),
    [("T2 BLOCKS", "T2 BLOKS"), ("-- T1 => 10", ""), ("-- T2 => 10", "=> 10")],
)
def test_a_line_that_can_not_be_understood_is_refused(
    tmp_path: Path, truth: str, falsehood: str
) -> None:
    with pytest.raises(ValueError, match=r"^false\.sql:\d+: can't be understood"):
        rewritten(tmp_path, truth, falsehood)


def test_the_lab_prints_the_matrix_and_the_steps(tmp_path: Path) -> None:
    labs.run(find_phase(2), "isolation", quick=True, out=tmp_path)

    report = (tmp_path / "isolation.md").read_text(encoding="utf-8")
    assert "| Lost update | P4 | HAPPENS | waits, error 40001 | waits, error 40001 |" in report
    assert "|  | UPDATE products SET stock = 9 WHERE id = 1 … waits |  |" in report
    assert (tmp_path / "isolation.svg").exists()


def rewritten(folder: Path, truth: str, falsehood: str) -> Script:
    """Read the lost update's script with every occurrence of something replaced."""
    text = LOST_UPDATE.path.read_text(encoding="utf-8")
    assert truth in text
    path = folder / "false.sql"
    path.write_text(text.replace(truth, falsehood), encoding="utf-8")
    return _scripts.read(path)
