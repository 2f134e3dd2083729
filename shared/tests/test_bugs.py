"""Planted bugs: patches are read and applied exactly, and only a real catch counts as a kill."""

from __future__ import annotations

import difflib
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from shared.course import hunt, planted
from shared.course.bugs import fate, kill_matrix
from shared.course.errors import CourseError
from shared.course.planted import BadPatch, Bug, copy_of_checkout, copy_with, read_bug
from shared.infra.processes import free_port
from shared.phases import Phase, all_phases, find_phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

PATCHES = [patch for phase in all_phases() for patch in phase.bugs]

SERVICE = "def add(a: int, b: int) -> int:\n    return a + b\n"
TESTS = """
import pytest

from phase9_sums.service import add

@pytest.fixture
def started():
    assert add(0, 0) == 0, "the service doesn't start"

def test_small_sums(started):
    assert add(1, 2) == 3

def test_large_sums(started):
    assert add(1000, 2000) == 3000
"""
HEADER = """Title: It subtracts
Symptom: Sums come out
 too small.
Hint: Try with zero.
Hint: Try with
 one and two.
Explanation: A minus.
Caught-By: {caught_by}

"""


@pytest.fixture
def sums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Phase:
    """Make a checkout with one tiny phase; the kit comes from the real one."""
    root = tmp_path / "checkout"
    package = root / "phase9_sums"
    for folder in (package, package / "bugs", package / "tests"):
        folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "service.py").write_text(SERVICE)
    (package / "tests" / "test_sums.py").write_text(TESTS)
    _git(root, "init", "-q")
    (root / "pyproject.toml").write_text('[tool.pytest]\naddopts = ["-p", "shared.fixtures"]\n')
    monkeypatch.setenv("PYTHONPATH", str(planted.ROOT))
    return find_phase(9, root)


@pytest.fixture
def plant(sums: Phase) -> Callable[..., Bug]:
    """Write a patch that changes the service's last line."""

    def make(line: str, caught_by: str = "test_small_sums", *, name: str = "01-bug") -> Bug:
        changed = SERVICE.replace("return a + b", line)
        place = f"{sums.package}/service.py"
        diff = difflib.unified_diff(
            SERVICE.splitlines(keepends=True),
            changed.splitlines(keepends=True),
            f"a/{place}",
            f"b/{place}",
        )
        path = sums.path / "bugs" / f"{name}.patch"
        path.write_text(HEADER.format(caught_by=caught_by) + "".join(diff))
        return read_bug(path)

    return make


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: f"{patch.parts[-3]}/{patch.stem}")
def test_every_planted_bug_tells_its_story_and_applies(patch: Path) -> None:
    bug = read_bug(patch)

    assert bug.hints, "a bug has at least one hint"
    done = subprocess.run(
        ["git", "apply", "--check", "-"],  # noqa: S607 - whichever git there is
        cwd=planted.ROOT,
        input=bug.diff,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_patch_is_read_with_its_folded_lines(plant: Callable[..., Bug]) -> None:
    bug = plant("return a - b")

    assert bug.title == "It subtracts"
    assert bug.symptom == "Sums come out too small."
    assert bug.hints == ("Try with zero.", "Try with one and two.")
    assert bug.diff.startswith("--- a/phase9_sums/service.py")


def test_a_patch_without_its_story_is_refused(tmp_path: Path) -> None:
    patch = tmp_path / "01-bare.patch"
    patch.write_text("Title: Bare\n\ndiff --git a/x b/x\n")

    with pytest.raises(
        BadPatch, match=r"01-bare.patch has no caught-by, explanation, hint, symptom"
    ):
        read_bug(patch)


def test_without_a_clone_a_person_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(CourseError, match=r"this must be a clone.*not a git repository"),
        copy_of_checkout(tmp_path),
    ):
        pass


def test_the_bug_is_in_the_copy_and_nowhere_else(sums: Phase, plant: Callable[..., Bug]) -> None:
    with copy_with(plant("return a - b"), sums.path.parent) as copy:
        assert "a - b" in (copy / sums.package / "service.py").read_text()
        assert "a + b" in (sums.path / "service.py").read_text()

    assert not copy.exists()


def test_a_bug_is_killed_by_the_check_that_it_names(sums: Phase, plant: Callable[..., Bug]) -> None:
    ended = fate(sums, {}, plant("return a - b"))

    assert (ended.killed, ended.caught_by) == (True, "test_small_sums")


def test_a_bug_that_another_check_catches_is_not_killed(
    sums: Phase, plant: Callable[..., Bug]
) -> None:
    ended = fate(sums, {}, plant("return (a + b) % 100"))

    assert not ended.killed
    assert ended.caught_by == "test_large_sums"
    assert ended.words == "caught, but not by test_small_sums"


def test_a_bug_that_nothing_catches_survives(sums: Phase, plant: Callable[..., Bug]) -> None:
    ended = fate(sums, {}, plant("return b + a"))

    assert (ended.killed, ended.words) == (False, "survived")


@pytest.mark.parametrize("line", ["return a +", "return a / b", "return a + b + 1"])
def test_a_bug_that_breaks_the_start_is_not_killed(
    sums: Phase, plant: Callable[..., Bug], line: str
) -> None:
    ended = fate(sums, {}, plant(line))

    assert not ended.killed
    assert "no verdict" in ended.words


def test_a_patch_that_doesnt_apply_is_not_killed(sums: Phase, plant: Callable[..., Bug]) -> None:
    bug = plant("return a - b")
    (sums.path / "service.py").write_text("# rewritten\n")

    ended = fate(sums, {}, bug)

    assert not ended.killed
    assert "doesn't apply any more" in ended.words


def test_the_matrix_names_each_bug_and_fails_on_a_survivor(
    sums: Phase, plant: Callable[..., Bug], capsys: pytest.CaptureFixture[str]
) -> None:
    plant("return a - b", name="01-minus")
    assert kill_matrix(sums) == 0
    assert "1 of 1 bugs killed" in capsys.readouterr().out

    plant("return b + a", name="02-harmless")
    assert kill_matrix(sums) == 1
    said = capsys.readouterr().out
    assert "01-minus" in said
    assert "02-harmless" in said
    assert "survived" in said


def test_a_check_that_fails_anyway_proves_nothing(sums: Phase, plant: Callable[..., Bug]) -> None:
    plant("return a - b")
    (sums.path / "tests" / "test_sums.py").write_text("def test_small_sums(): assert False\n")

    with pytest.raises(CourseError, match="don't even pass without a bug: test_small_sums"):
        kill_matrix(sums)


def test_a_check_that_doesnt_exist_proves_nothing(sums: Phase, plant: Callable[..., Bug]) -> None:
    plant("return a - b", "test_of_another_name")

    with pytest.raises(CourseError, match="there is not: test_of_another_name"):
        kill_matrix(sums)


def test_a_hunt_is_repeatable_and_tells_on_demand(
    sums: Phase,
    plant: Callable[..., Bug],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hunt, "_STATE", tmp_path)
    for number in range(9):
        plant("return a - b", name=f"0{number}-bug")

    picked = {hunt.pick(sums, seed).name for seed in range(50)}
    assert len(picked) == 9
    assert hunt.pick(sums, 7) == hunt.pick(sums, 7)

    with pytest.raises(CourseError, match="No hunt has begun"):
        hunt.hunt(sums, port=8009, hint=1)
    hunt.hunt(sums, port=8009, seed=7, hint=2)
    assert "Hint 2 of 2: Try with one and two." in capsys.readouterr().out
    with pytest.raises(CourseError, match="hints 1 to 2"):
        hunt.hunt(sums, port=8009, seed=7, hint=3)
    hunt.hunt(sums, port=8009, seed=7, reveal=True)
    said = capsys.readouterr().out
    assert "A minus." in said
    assert "+    return a - b" in said


def test_a_hunt_serves_the_bug_where_it_shows_until_it_is_stopped() -> None:
    phase = find_phase(0)
    seed = next(n for n in range(999) if "sleeping-in-the-loop" in hunt.pick(phase, n).name)
    port = free_port()
    with copy_of_checkout() as copy:
        _git(copy, "init", "-q")
        command = [sys.executable, "-m", "shared.course.cli", "hunt", "0", f"--seed={seed}"]
        hunting = subprocess.Popen(
            [*command, f"--port={port}"], cwd=copy, stdout=subprocess.PIPE, text=True
        )
        try:
            assert hunting.stdout
            said = read_until(hunting.stdout, "Ctrl-C ends the hunt.")
            answer = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=10)
            hunting.send_signal(signal.SIGINT)
            ended = hunting.wait(20)
        finally:
            hunting.kill()
            hunting.communicate()

    assert answer.status_code == 200
    assert "the event loop server answers nobody" in said.replace("\n", " ")
    assert ended == 0


def read_until(lines: Iterable[str], last: str) -> str:
    """Read lines up to the one that ends with `last`, or all there are."""
    said = ""
    for line in lines:
        said += line
        if line.rstrip().endswith(last):
            break
    return said


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True)  # noqa: S607 - a checkout of our own
