"""How one phase became the next, for every way in which a file can change."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from shared.course import diff
from shared.course.errors import CourseError
from shared.phases import Phase

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
