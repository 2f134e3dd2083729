"""How one phase became the next, for every way in which a file can change."""

from __future__ import annotations

import re
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from shared.course import diff
from shared.course.behaviour import report
from shared.course.errors import CourseError
from shared.phases import Phase, find_phase

if TYPE_CHECKING:
    from pathlib import Path

LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def phases(tmp_path: Path) -> tuple[Path, Path]:
    """Make two small phases with one file for each fate."""
    before, after = tmp_path / "phase2_shop", tmp_path / "phase3_auth"
    write(
        before, {"same.py": "x\n", "gone.py": "a\nb\n", "old name.py": LINES, "edit.py": "1\n2\n"}
    )
    write(
        after,
        {
            "same.py": "x\n",
            "new.py": "q\n",
            "api/name.py": LINES + "more\n",
            "edit.py": "1\n3\n4\n",
        },
    )
    for phase in (before, after):
        write(
            phase, {f"{folder}/x.txt": f"{phase}\n" for folder in ("tests", "bugs", "__pycache__")}
        )
        write(phase, {"README.md": f"{phase}\n", "sub/README.md": "same\n"})
        write(phase, {"labs/lab.py": f"{phase}\n", "labs/results/x.md": f"{phase}\n"})
    return before, after


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_each_file_is_told_by_what_happened_to_it(phases: tuple[Path, Path]) -> None:
    changes = diff.compare(*phases).changes

    assert [(change.kind, change.path, change.before) for change in changes] == [
        ("added", "new.py", ""),
        ("moved", "api/name.py", "old name.py"),
        ("changed", "edit.py", "edit.py"),
        ("removed", "gone.py", ""),
    ]


def test_lines_are_counted(phases: tuple[Path, Path]) -> None:
    counts = {change.path: (change.plus, change.minus) for change in diff.compare(*phases).changes}

    assert counts == {
        "new.py": ("1", "0"),
        "api/name.py": ("1", "0"),
        "edit.py": ("2", "1"),
        "gone.py": ("0", "2"),
    }


def test_identical_files_are_a_number(phases: tuple[Path, Path]) -> None:
    assert diff.compare(*phases).identical == 2


def test_what_is_not_the_service_is_shown_only_when_asked_for(phases: tuple[Path, Path]) -> None:
    more = {change.path for change in diff.compare(*phases, everything=True).changes}
    less = {change.path for change in diff.compare(*phases).changes}

    assert more - less == {
        "README.md",
        "tests/x.txt",
        "bugs/x.txt",
        "labs/lab.py",
        "labs/results/x.md",
    }


@pytest.mark.parametrize(
    "name", ["__pycache__/a.pyc", "a/__pycache__/b.pyc", ".env", "a/.hidden/b"]
)
def test_what_runs_leave_is_never_shown(name: str) -> None:
    assert not diff.belongs(PurePosixPath(name), everything=True)


def test_the_patch_follows_the_files(
    phases: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = (Phase(number, path.name, path) for number, path in enumerate(phases, 2))

    code = diff.diff(before, after)

    shown = capsys.readouterr().out
    assert code == 0
    assert "1 added, 1 moved, 1 changed, 1 removed, 2 identical byte for byte" in shown
    assert shown.index("identical") < shown.index("+++ phase3_auth/edit.py") < shown.index("+3")
    assert "\033" not in shown


def test_a_phase_and_itself_are_refused_in_words(phases: tuple[Path, Path]) -> None:
    one = Phase(2, phases[0].name, phases[0])

    with pytest.raises(CourseError, match="phase2_shop doesn't differ from itself"):
        diff.diff(one, one)


def test_nothing_changed_is_an_empty_comparison(tmp_path: Path) -> None:
    folders = tmp_path / "phase4_layered", tmp_path / "phase5_booking"
    for folder in folders:
        write(folder, {"same.py": "x\n"})

    assert diff.compare(*folders) == diff.Comparison((), 1, "")


def test_a_list_is_counted_and_not_shown(phases: tuple[Path, Path]) -> None:
    write(phases[1], {"words.txt": "one\ntwo\n"})

    comparison = diff.compare(*phases)

    assert ("added", "words.txt", "2") in [(c.kind, c.path, c.plus) for c in comparison.changes]
    assert "words.txt differ" in comparison.patch
    assert "+one" not in comparison.patch


# ---------------------------------------------------------------- behaviour


def test_phases_that_do_not_run_are_compared_as_far_as_they_can_be(
    phases: tuple[Path, Path],
) -> None:
    before, after = (Phase(number, path.name, path) for number, path in enumerate(phases, 2))

    behaviour = diff.compare_behaviour(before, after)

    told = "Contract not compared: phase2_shop and phase3_auth didn't run."
    assert behaviour.conclusion == told
    assert "No module named phase2_shop.__main__" in behaviour.sections[0].lines[0].text


def test_code_that_is_no_python_is_named(phases: tuple[Path, Path]) -> None:
    write(phases[0], {"edit.py": "def broken(:\n"})
    before, after = (Phase(number, path.name, path) for number, path in enumerate(phases, 2))

    behaviour = diff.compare_behaviour(before, after)

    assert "in edit.py, line 1" in behaviour.sections[-1].lines[0].text


def test_a_shop_that_learns_who_is_asking_has_another_contract(
    capsys: pytest.CaptureFixture[str],
) -> None:
    diff.diff(find_phase(2), find_phase(3))

    shown = " ".join(capsys.readouterr().out.split("diff --git")[0].split())
    assert "POST /auth/login, POST /auth/logout," in shown
    assert "~ NewOrder: -user_id" in shown
    assert "+ table identities, table oauth_logins" in shown
    assert "5 -> 6: POST /orders/{order_id}/cancel" in shown
    assert "not measured: GET /auth/oauth/callback, GET /auth/oauth/login" in shown
    assert "Contract changed: routes: 13 added, 16 changed;" in shown


def test_the_same_shop_in_layers_has_the_same_contract_and_the_same_sql(
    capsys: pytest.CaptureFixture[str],
) -> None:
    diff.diff(find_phase(3), find_phase(4))

    shown = " ".join(capsys.readouterr().out.split("diff --git")[0].split())
    assert "Contract unchanged: routes, status codes, schemas and database are the same" in shown
    assert "none of 31 routes takes more round trips" in shown
    assert re.search(r"SQL \d+ statements the same, 0 changed, 0 added, 0 removed", shown)


def test_a_copy_has_the_same_contract_until_an_index_is_gone(tmp_path: Path) -> None:
    original, copy = find_phase(3), tmp_path / "phase9_copy"
    left_out = shutil.ignore_patterns("tests", "labs", "bugs", "__pycache__")
    shutil.copytree(original.path, copy, ignore=left_out)
    phase = Phase(9, copy.name, copy)

    same = diff.compare_behaviour(original, phase)
    with (copy / "schema.sql").open("a") as schema:
        schema.write("DROP INDEX users_created_at_idx;\n")
    other = diff.compare_behaviour(original, phase)

    assert same.conclusion.startswith("Contract unchanged")
    assert "none of 31 routes takes more round trips" in same.conclusion
    assert other.conclusion.startswith("Contract changed: database: 1 changed.")


def test_lines_end_where_a_name_ends() -> None:
    line = report.Line("GET\u00a0/users, GET\u00a0/posts", "+")

    assert diff.wrapped(line, 20) == "  + GET /users,\n      GET /posts"
