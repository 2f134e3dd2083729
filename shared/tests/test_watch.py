"""`course watch` as a person has it: a suite that runs again at each save, and an end to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from shared.course import watch
from shared.course.errors import CourseError
from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

WITHIN = 30.0
SERVICE = "def add(a, b):\n    return a + b\n"
TEST = """from phase9_sums.service import add

def test_small_sums():
    assert add(1, 2) == 3
"""
CONFTEST = "raise RuntimeError('this one is for tests with a database')\n"
SLOW = "import time\n\ndef add(a, b):\n    time.sleep(600)\n"
COMMAND = """
import sys
from pathlib import Path
from shared.course.watch import watch
from shared.phases import Phase
sys.exit(watch(Phase(9, "phase9_sums", Path(sys.argv[1]))))
"""


@pytest.fixture
def sums(tmp_path: Path) -> Phase:
    """Make a phase that adds, with one unit test."""
    folder = tmp_path / "phase9_sums"
    suite = folder / "tests" / "unit"
    suite.mkdir(parents=True)
    for package in (folder, suite.parent, suite):
        (package / "__init__.py").touch()
    (folder / "service.py").write_text(SERVICE)
    (suite.parent / "conftest.py").write_text(CONFTEST)
    (suite / "test_sums.py").write_text(TEST)
    return Phase(9, "phase9_sums", folder)


class Watch:
    """A watch that somebody has started in a terminal of 100 columns, and all that it wrote."""

    def __init__(self, phase: Phase, output: Path) -> None:
        self._service = phase.path / "service.py"
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, str(phase.path)],
                cwd=ROOT,
                env={**os.environ, "COLUMNS": "100"},
                stdout=file,
                stderr=file,
                process_group=0,
            )

    def wait_for(self, pattern: str) -> str:
        """Return everything that was said, once this was."""
        return self._wait(pattern, 0)

    def save(self, text: str, *, then: str) -> str:
        """Save another service, and return what is said from then on, once this is."""
        before = len(self._said())
        self._service.write_text(text)
        return self._wait(then, before)

    def end(self, number: signal.Signals) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(WITHIN)

    def _said(self) -> str:
        return self._output.read_text()

    def _wait(self, pattern: str, start: int) -> str:
        deadline = time.monotonic() + WITHIN
        while not re.search(pattern, self._said()[start:]):
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"{pattern!r} wasn't said, but:\n{self._said()}")
            time.sleep(0.02)
        return self._said()[start:]


@pytest.fixture
def watching(sums: Phase, tmp_path: Path) -> Generator[Watch]:
    """Start a watch, which is gone after the test."""
    started = Watch(sums, tmp_path / "output")
    yield started
    with suppress(ProcessLookupError):
        os.killpg(started.process.pid, signal.SIGKILL)
    started.process.wait()


def test_the_suite_runs_at_once_with_its_count_and_time(watching: Watch) -> None:
    said = watching.wait_for("Ctrl-C ends the watch")

    assert re.search(r"phase9_sums · \d\d:\d\d:\d\d · watching", said)
    assert re.search(r"1 passed in \d", said)
    assert re.search(r"\d s with start-up", said)


def test_each_save_runs_the_code_as_it_is_then(watching: Watch) -> None:
    watching.wait_for("1 passed")

    broken = watching.save(SERVICE.replace("+", "-"), then=r"1 failed in \d")
    mended = watching.save(SERVICE, then=r"1 passed in \d")

    assert "assert -1 == 3" in broken
    assert "saved: service.py" in broken
    assert "failed" not in mended


def test_a_syntax_error_is_shown_and_the_watch_goes_on(watching: Watch) -> None:
    watching.wait_for("1 passed")

    torn = watching.save("def add(a, b:\n", then=r"1 error in \d")
    mended = watching.save(SERVICE, then=r"1 passed in \d")

    assert "SyntaxError" in torn
    assert "service.py" in torn
    assert "error" not in mended


def test_a_save_ends_a_run_that_is_under_way(watching: Watch) -> None:
    watching.wait_for("1 passed")
    watching.save(SLOW, then="saved: service.py")

    assert watching.save(SERVICE, then=r"1 passed in \d")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_watch_ends_well_and_without_a_traceback(
    watching: Watch, number: signal.Signals
) -> None:
    said = watching.wait_for("Ctrl-C ends the watch")

    code = watching.end(number)

    assert code == 0
    assert "Traceback" not in watching.wait_for(re.escape(said))


def test_a_watch_that_ends_takes_its_run_along(watching: Watch) -> None:
    watching.wait_for("1 passed")
    watching.save(SLOW, then="saved: service.py")

    assert watching.end(signal.SIGINT) == 0


def test_a_run_is_as_strict_as_any_other() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert ["-p", "shared.fixtures", *watch.ADDOPTS.split()] == settings["tool"]["pytest"][
        "addopts"
    ]


def test_a_phase_without_unit_tests_says_so_and_which_have_some() -> None:
    with pytest.raises(CourseError, match=r"phase0_raw_http has no tests/unit") as refused:
        watch.unit_suite(find_phase(0))

    assert "make test PHASE=0" in str(refused.value)
    assert "The phases with unit tests: " in str(refused.value)
