"""The smaller commands: doctor, ports, lock, check, clean, test, and the help that names them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shared.course import bootstrap, check, clean, doctor, lock, ports, suites
from shared.phases import ROOT, UnknownPhase, find_phase

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PROJECT = """
[project]
requires-python = ">=3.11"
dependencies = ["b", "a"]
[dependency-groups]
check = ["c"]
"""


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """Let the doctor find every tool but these."""

    def which(name: str) -> str | None:
        return None if name in missing else f"/usr/bin/{name}"

    monkeypatch.setattr(doctor.shutil, "which", which)


def make(*arguments: str) -> str:
    """Run make as from a fresh shell, and return what it prints."""
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON", "PHASE", "ARGS"}
    fresh = {name: value for name, value in os.environ.items() if name not in inherited}
    command = [shutil.which("make") or "make", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=fresh, capture_output=True, text=True, check=True)
    return ended.stdout


@pytest.fixture
def listener() -> Generator[socket.socket]:
    """Listen on a port, as a neighbour would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_who_listens_is_named(listener: socket.socket) -> None:
    who = ports.who_listens(listener.getsockname()[1])

    assert f"(process {os.getpid()})" in who
    assert "python" in who


def test_a_port_is_free_again_when_its_owner_is_gone(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    before = ports.is_taken(port)

    listener.close()

    assert (before, ports.is_taken(port)) == (True, False)


def test_the_suggested_port_is_free(listener: socket.socket) -> None:
    port = listener.getsockname()[1]

    assert not ports.is_taken(ports.free_port(port - 1))


def test_a_healthy_machine_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor.doctor()

    shown = capsys.readouterr().out
    assert code == 0
    for name in ("Python", "venv", "make", "git", "disk", "port 8007", "Docker", "node"):
        assert f"  {name}" in shown
    assert "All that is needed is here." in shown


def test_a_missing_tool_is_told_with_the_command_that_fixes_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "git")
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")

    code = doctor.doctor()

    shown = capsys.readouterr().out
    assert code == 1
    assert "-> sudo apt-get install git" in shown
    assert "Missing: git" in shown


def test_what_is_optional_is_no_reason_to_fail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "docker", "node", "wrk", "curl")

    code = doctor.doctor()

    assert code == 0
    assert "only for INFRA=containers" in capsys.readouterr().out


def test_a_taken_port_is_told_with_its_owner(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.getsockname()[1]
    monkeypatch.setattr(doctor.phases, "FIRST_PORT", port - 1)

    (finding,) = (each for each in doctor.examine() if each.name == f"port {port}")

    assert str(os.getpid()) in finding.found
    assert finding.fix is not None
    assert finding.fix.startswith("make phase1 PORT=")
    assert not finding.needed


def test_a_missing_venv_module_is_told_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    advice = "no ensurepip. To add it:\n  sudo apt-get install python3.11-venv"
    monkeypatch.setattr(doctor.bootstrap, "missing_for_venv", lambda: advice)

    (finding,) = (each for each in doctor.examine() if each.name == "venv")

    assert (finding.fix, finding.needed) == ("sudo apt-get install python3.11-venv", True)


@pytest.mark.parametrize(
    ("change", "in_step"),
    [
        (("", ""), True),
        (('["b", "a"]', '[ "a",\n "b" ] # reordered'), True),
        (('"a"', '"a>=2"'), False),
        (('check = ["c"]', 'check = ["c", "d"]'), False),
        ((">=3.11", ">=3.12"), False),
    ],
)
def test_the_lock_is_in_step_with_the_requirements_and_not_with_their_layout(
    tmp_path: Path, change: tuple[str, str], *, in_step: bool
) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    header = f"# requirements: {lock.digest(tmp_path)}\na==1\n"
    (tmp_path / "requirements.lock").write_text(header)

    (tmp_path / "pyproject.toml").write_text(PROJECT.replace(*change))

    assert (lock.problem(tmp_path) is None) is in_step


def test_the_courses_own_lock_is_in_step_and_names_no_machine() -> None:
    text = (ROOT / "requirements.lock").read_text()

    assert lock.problem() is None
    assert str(ROOT) not in text
    assert "://" not in text


def test_a_tool_that_complains_fails_the_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    some = [
        check.Check("good", "says nothing", str),
        check.Check("bad", "says something", lambda: "line 3: [wrong]"),
    ]
    monkeypatch.setattr(check, "checks", lambda: some)

    code = check.check()

    shown = capsys.readouterr().out
    assert code == 1
    assert "line 3: [wrong]" in shown
    assert "Failed: bad" in shown


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("pass", ""),
        ("raise SystemExit('no good')", "no good"),
        ("raise SystemExit(4)", "ended with 4 and no word"),
    ],
)
def test_a_tools_complaint_is_what_it_says_when_it_fails(script: str, complaint: str) -> None:
    assert check.complaints([sys.executable, "-c", script]) == complaint


def test_clean_removes_what_runs_make_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["phase0_raw_http/server.py", "README.md", ".gitignore", ".github/ci.yml"]
    made = [".labs/x.svg", ".venv/bin/python", "phase0_raw_http/tests/__pycache__/a.pyc"]
    made += ["shared/bench/node_modules/a/b.js", "phase0_raw_http/.schemathesis/c"]
    for name in (*kept, *made, "__pycache__/b.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    clean.clean(bootstrap.Environment(tmp_path))

    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(kept)
    assert (
        capsys.readouterr().out
        == "Removed .labs, .schemathesis, .venv, __pycache__, node_modules.\n"
    )


def test_clean_unlinks_a_linked_environment_and_leaves_its_target(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".venv").symlink_to(target)

    clean.clean(bootstrap.Environment(checkout))

    assert target.is_dir()
    assert not (checkout / ".venv").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "folders", "own"),
    [
        (["0"], ["phase0_raw_http/tests"], []),
        (["phase1", "-k", "feed"], ["phase1_crud/tests"], ["-k", "feed"]),
        (["shared/tests/test_diff.py::x"], [], ["shared/tests/test_diff.py::x"]),
        (["-x", "shared/tests"], [], ["-x", "shared/tests"]),
    ],
)
def test_a_phase_may_come_before_the_arguments_for_pytest(
    arguments: list[str], folders: list[str], own: list[str]
) -> None:
    chosen, rest = suites.split(arguments)

    assert (suites.folders(chosen, rest), rest) == (folders, own)


def test_every_suite_is_run_when_none_is_named() -> None:
    folders = suites.folders(*suites.split([]))

    assert folders[:2] == ["shared/tests", "phase0_raw_http/tests"]
    assert "phase1_crud/tests" in folders


def test_a_suite_of_no_phase_is_refused() -> None:
    with pytest.raises(UnknownPhase):
        suites.split(["9"])


def test_make_help_names_every_target() -> None:
    targets = (
        "phaseN test watch check grade bugs hunt run psql lab bench diff doctor down clean lock "
        "help"
    )

    named = [line.split()[1] for line in make("help").splitlines()]

    assert " ".join(named) == targets


@pytest.mark.parametrize(
    ("target", "command"),
    [
        (["phase1"], "run phase1"),
        (["phase1_crud", "FRESH=1"], "run phase1_crud --fresh"),
        (["test", "PHASE=1", "ARGS=-k feed"], "test 1 -k feed"),
        (["diff", "A=0", "B=1"], "diff 0 1"),
        (["lab", "PHASE=0", "LAB=anatomy", "SAVE=1"], "lab 0 anatomy --save"),
        (["watch", "PHASE=4"], "watch 4"),
        (["run", "PHASE=3"], "do 3"),
        (["run", "PHASE=3", "DO=make_admin ada@x.org"], "do 3 make_admin ada@x.org"),
        (["psql", "PHASE=2", "SQL=SELECT 1"], 'psql 2 --sql "$SQL"'),
        (["hunt", "PHASE=0", "HINT=2"], "hunt 0 --hint 2"),
        (["grade", "PHASE=0", "URL=http://h:1"], 'grade 0 --url "$URL"'),
        (["grade", "PHASE=0", "CMD=node s.js"], 'grade 0 --cmd "$CMD"'),
        (["grade", "PHASE=0", "ONLY=P0-A P0-B", "ALL=1"], "grade 0 --only P0-A --only P0-B --all"),
    ],
)
def test_a_target_is_one_line_that_calls_the_command(target: list[str], command: str) -> None:
    recipe = make("--dry-run", *target)

    assert " ".join(recipe.split()) == f"exec python3 -m shared.course {command}"


def test_the_help_starts_quickly_because_it_loads_little() -> None:
    script = (
        "import sys; import shared.course.cli;"
        "print({'psycopg', 'httpx', 'pytest', 'matplotlib', 'testcontainers'} & set(sys.modules))"
    )

    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "code"), [(["run", "9"], 2), (["diff", "0", "9"], 2), (["test", "9"], 1)]
)
def test_a_phase_is_found_by_the_command_line_or_refused_in_words(
    arguments: list[str], code: int
) -> None:
    command = [sys.executable, "-m", "shared.course.cli", *arguments]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == code
    assert find_phase(0).package in ended.stderr
    assert "Traceback" not in ended.stderr
