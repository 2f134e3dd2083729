"""When the virtual environment is built, and what a build that was killed leaves behind."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from shared.course import bootstrap
from shared.course.bootstrap import BootstrapError, Environment, ensure
from shared.phases import ROOT
from shared.race import together

if TYPE_CHECKING:
    from pathlib import Path

LOCK = """# header
first==1.0 \\
    --hash=sha256:aa
second-thing==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:bb
    # via first
"""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """Make a checkout that has a lock and nothing else."""
    (tmp_path / "requirements.lock").write_text(LOCK)
    return Environment(tmp_path)


class FakeSteps:
    """Does what venv and pip would leave behind, and remembers being asked."""

    def __init__(self, fail_at: str = "") -> None:
        self.commands: list[list[str]] = []
        self._fail_at = fail_at

    def __call__(self, environment: Environment, command: list[str]) -> None:
        """Stand in for one step."""
        self.commands.append(command)
        environment.python.parent.mkdir(parents=True, exist_ok=True)
        environment.python.touch()
        if self._fail_at in command:
            raise BootstrapError("it broke")


class LingeringSteps(FakeSteps):
    """Takes a while over each step, or until another one comes in on it."""

    def __init__(self) -> None:
        super().__init__()
        self.met = threading.Event()
        self._at_work = threading.Lock()

    def __call__(self, environment: Environment, command: list[str]) -> None:
        """Stand in for one step."""
        super().__call__(environment, command)
        if not self._at_work.acquire(blocking=False):
            self.met.set()
            return
        self.met.wait(0.2)
        self._at_work.release()


def test_a_first_start_makes_the_environment_and_installs_from_the_lock(
    environment: Environment,
) -> None:
    steps = FakeSteps()

    ensure(environment, steps)

    make, install = steps.commands
    assert make[1:] == ["-m", "venv", str(environment.folder)]
    assert {"--require-hashes", "--no-deps", str(environment.lock)} <= set(install)
    assert environment.in_step()


def test_a_second_start_does_nothing(environment: Environment) -> None:
    ensure(environment, FakeSteps())
    steps = FakeSteps()

    ensure(environment, steps)

    assert steps.commands == []


def test_another_lock_means_another_environment(environment: Environment) -> None:
    ensure(environment, FakeSteps())
    leftover = environment.folder / "leftover"
    leftover.touch()
    environment.lock.write_text(LOCK.replace("1.0", "1.1"))

    ensure(environment, FakeSteps())

    assert environment.in_step()
    assert not leftover.exists()


def test_another_python_means_another_environment(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(environment, FakeSteps())

    monkeypatch.setattr(bootstrap.sysconfig, "get_python_version", lambda: "3.99")

    assert not environment.in_step()


def test_a_lock_that_changed_during_the_build_means_another_build(environment: Environment) -> None:
    def pull_meanwhile(environment: Environment, _command: list[str]) -> None:
        environment.python.parent.mkdir(parents=True, exist_ok=True)
        environment.python.touch()
        environment.lock.write_text(LOCK.replace("1.0", "1.1"))

    ensure(environment, pull_meanwhile)

    assert not environment.in_step()


@pytest.mark.parametrize("step", ["venv", "install"])
def test_what_broke_off_in_the_middle_is_built_again(environment: Environment, step: str) -> None:
    with pytest.raises(BootstrapError):
        ensure(environment, FakeSteps(fail_at=step))
    steps = FakeSteps()

    ensure(environment, steps)

    assert len(steps.commands) == 2
    assert environment.in_step()


def test_an_interpreter_that_is_gone_means_another_environment(environment: Environment) -> None:
    ensure(environment, FakeSteps())

    environment.python.unlink()

    assert not environment.in_step()


def test_two_starts_at_once_build_once(environment: Environment) -> None:
    steps = LingeringSteps()

    together(4, lambda _: ensure(environment, steps))

    assert not steps.met.is_set()
    assert len(steps.commands) == 2


def test_a_start_waits_for_the_one_that_builds(
    environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = FakeSteps()
    waiting = threading.Thread(target=ensure, args=(environment, steps))
    with environment.lock.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting.start()
        said = ""
        while "waiting for it" not in said:
            assert waiting.is_alive()
            said += capsys.readouterr().out
            time.sleep(0.01)
        commands_meanwhile = list(steps.commands)
    waiting.join(20)

    assert commands_meanwhile == []
    assert environment.in_step()


def test_what_a_link_points_at_is_not_ours_to_empty(
    environment: Environment, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "somebody's"
    elsewhere.mkdir()
    (elsewhere / "treasure").touch()
    environment.folder.symlink_to(elsewhere)

    ensure(environment, FakeSteps())

    assert (elsewhere / "treasure").exists()
    assert not environment.folder.is_symlink()


def test_a_missing_module_is_named_with_its_package(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_ensurepip(name: str) -> object | None:
        return None if name == "ensurepip" else object()

    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", without_ensurepip)
    monkeypatch.setattr(bootstrap.shutil, "which", str)

    with pytest.raises(BootstrapError, match=r"no ensurepip[^$]*apt-get install python3\.\d+-venv"):
        ensure(environment, FakeSteps())


def test_pips_own_words_are_shown_when_it_fails(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    says_no = (
        "import sys; print('Collecting first'); print('WARNING: connection broken by Refused');"
        "sys.stdout.flush(); sys.exit('ERROR: no such version')"
    )
    monkeypatch.setattr(bootstrap, "PIP", ("-c", says_no))

    with pytest.raises(BootstrapError, match=r"broken by Refused\s+ERROR: no such version"):
        ensure(environment)

    assert not environment.in_step()


def test_progress_counts_what_pip_fetched_and_installed(environment: Environment) -> None:
    environment.folder.mkdir()
    progress = bootstrap.Progress(environment)
    before = progress.line()

    environment.log.write_text("Collecting first==1.0\nIgnoring second: markers don't match\n")
    fetching = progress.line()
    (environment.folder / "lib/python3.11/site-packages/first-1.0.dist-info").mkdir(parents=True)
    installing = progress.line()

    assert (before, fetching, installing) == (
        "",
        "fetching 1 of 1 packages",
        "installing 1 of 1 packages",
    )


def test_an_old_python_is_told_what_is_wrong() -> None:
    script = (
        "import sys; sys.version_info = (3, 9, 2); import runpy;"
        "runpy.run_module('shared.course', run_name='__main__')"
    )

    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert "needs Python 3.11 or newer, and this is 3.9.2" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_bootstrap_needs_the_standard_library_alone() -> None:
    script = "from shared.course import __main__, bootstrap, clean, doctor"

    without_packages = [sys.executable, "-S", "-c", script]

    subprocess.run(without_packages, cwd=ROOT, check=True)
