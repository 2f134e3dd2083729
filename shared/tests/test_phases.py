"""A phase is what its folder says."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from shared.phases import ROOT, Phase, UnknownPhase, all_phases, find_phase

if TYPE_CHECKING:
    from pathlib import Path


def a_phase(root: Path, package: str = "phase3_auth") -> Path:
    folder = root / package
    folder.mkdir()
    (folder / "__init__.py").touch()
    return folder


@pytest.mark.parametrize("name", ["0", 0, "phase0", "phase0_raw_http", "phase0_raw_http/"])
def test_a_phase_is_found_by_any_of_its_names(name: str | int) -> None:
    assert find_phase(name).package == "phase0_raw_http"


def test_a_phase_is_found_by_a_path_inside_it() -> None:
    assert find_phase(ROOT / "phase1_crud" / "tests" / "test_x.py").number == 1


@pytest.mark.parametrize("name", ["9", "", "phase", "0_raw", "../phase0_raw_http/..", "1.0", -1])
def test_an_unknown_phase_is_told_with_those_that_exist(name: str | int) -> None:
    with pytest.raises(UnknownPhase, match=r"0 \(phase0_raw_http\), 1 \(phase1_crud\)"):
        find_phase(name)


def test_the_fences_are_around_every_phase() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    fences = project["tool"]["importlinter"]

    packages = {"shared", *(phase.package for phase in all_phases())}
    assert set(fences["root_packages"]) == packages
    assert set(fences["contracts"][0]["modules"]) == packages


def test_the_readme_has_a_row_for_every_phase() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    for phase in all_phases():
        assert f"| [{phase.number}]({phase.package}/README.md) |" in text


def test_phases_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for package in ("phase10_more", "phase2_shop", "phase1_crud"):
        a_phase(tmp_path, package)

    assert [phase.number for phase in all_phases(tmp_path)] == [1, 2, 10]


def test_a_folder_without_a_package_is_no_phase(tmp_path: Path) -> None:
    (tmp_path / "phase4_leftover" / "__pycache__").mkdir(parents=True)

    assert all_phases(tmp_path) == ()


def test_the_title_is_the_heading_of_the_lesson_without_its_number(tmp_path: Path) -> None:
    folder = a_phase(tmp_path)
    phase = Phase(3, folder.name, folder)
    before = phase.title

    (folder / "README.md").write_text("intro\n# Phase 3: Who are you?\n# Later\n")

    assert (before, phase.title) == ("phase3_auth", "Who are you?")


def test_a_schema_means_that_postgres_is_needed(tmp_path: Path) -> None:
    folder = a_phase(tmp_path)
    phase = Phase(3, folder.name, folder)
    before = phase.needs_postgres

    (folder / "schema.sql").touch()

    assert (before, phase.needs_postgres, phase.schema) == (False, True, folder / "schema.sql")


def test_what_a_service_needs_besides_is_seen_by_its_files(tmp_path: Path) -> None:
    folder = a_phase(tmp_path)
    phase = Phase(3, folder.name, folder)
    before = (phase.development, phase.makes_admin)

    (folder / "development.env").touch()
    (folder / "make_admin.py").touch()

    assert before == (None, False)
    assert (phase.development, phase.makes_admin) == (folder / "development.env", True)


def test_a_command_is_a_module_that_runs_by_itself(tmp_path: Path) -> None:
    folder = a_phase(tmp_path)
    phase = Phase(3, folder.name, folder)
    for name in ("zap", "__main__", "_helper", "forget"):
        (folder / f"{name}.py").write_text('X = 1\n\n\nif __name__ == "__main__":\n    main()\n')
    (folder / "library.py").write_text("# not: if __name__ == '__main__'\n")

    assert list(phase.commands) == ["forget", "zap"]


def test_bugs_and_labs_are_listed_in_order_without_helpers(tmp_path: Path) -> None:
    folder = a_phase(tmp_path)
    phase = Phase(3, folder.name, folder)
    for name in ("bugs/02-b.patch", "bugs/01-a.patch", "bugs/notes.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    for name in ("labs/zebra.py", "labs/apple.py", "labs/_helper.py", "labs/__init__.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()

    assert [bug.name for bug in phase.bugs] == ["01-a.patch", "02-b.patch"]
    assert list(phase.labs) == ["apple", "zebra"]


def test_each_phase_has_a_port_of_its_own() -> None:
    assert [phase.port for phase in all_phases()][:2] == [8000, 8001]
