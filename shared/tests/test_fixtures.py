"""The pytest plugin: what its fixtures give, and what a failed test shows of its servers."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

_TWO_FAILURES = """
import pytest
from shared.phases import find_phase

@pytest.fixture(scope="module")
def phase():
    return find_phase(0)

@pytest.fixture
def ask(http, server):
    def status_of(path):
        status = http.get(path).status_code
        while path not in server.log():  # it is written after the answer
            assert server.process.poll() is None
        return status
    return status_of

def test_one(ask):
    assert ask("/first") == 404

def test_two(ask):
    assert ask("/second") == 200

def test_three(ask):
    assert ask("/third") == 200
"""


_ENVIRONMENTS = """
import pytest
from shared import development, servers
from shared.phases import find_phase

given = []
start = servers.start

def noted(module, args, env):
    given.append((module, env))
    return start("phase0_raw_http", args, env)

servers.start = noted
development.fresh = lambda phase: {"PEPPER": "x"} if phase.number == %d else {}

def test_it(serve, server, environment):
    serve("phase0_raw_http.event_loop_server", env={"PEPPER": "y"})
    serve("phase1_crud")
    print("given:", [env.get("PEPPER") for _, env in given], environment)

@pytest.fixture(scope="module")
def phase():
    return find_phase(0)
"""


_AN_ADMIN = """
import psycopg
import pytest
from shared.phases import find_phase

@pytest.fixture(scope="module")
def phase():
    return find_phase(3)

@pytest.mark.parametrize("turn", [1, 2])
def test_it(clean_database, environment, turn):
    with psycopg.connect(clean_database) as conn:
        there = conn.execute("SELECT id, email, role FROM users").fetchall()
        conn.execute("INSERT INTO users (name, email) VALUES ('Ada', 'ada@example.org')")
    assert there == [(1, environment["ADMIN_EMAIL"], "admin")]
"""


@pytest.fixture(scope="module")
def phase() -> Phase:
    return find_phase(1)


def run_pytest(folder: Path, text: str, *arguments: str) -> str:
    """Run tests in a process of their own; returns what pytest printed."""
    path = folder / "test_inner.py"
    path.write_text(text, encoding="utf-8")
    configured = ["-c", str(ROOT / "pyproject.toml"), "-p", "no:randomly", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *configured, *arguments, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout


def test_a_failed_test_shows_what_the_server_logged_during_it(tmp_path: Path) -> None:
    said = run_pytest(tmp_path, _TWO_FAILURES)

    assert "1 passed" in said
    assert "2 failed" in said
    shown = [part.splitlines()[1] for part in said.split("log of the server on ")[1:]]
    assert ["/second" in line for line in shown] == [True, False]
    assert ["/third" in line for line in shown] == [False, True]
    assert "path=/first" not in said


def test_the_server_under_test_may_be_one_that_is_named(tmp_path: Path) -> None:
    text = "def test_it(base_url):\n    assert base_url == 'http://127.0.0.1:9'\n"

    assert "1 passed" in run_pytest(tmp_path, text, "--url", "http://127.0.0.1:9/")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "['x', 'y', None] {'PEPPER': 'x', 'BCRYPT_COST': '4'}"),
        (1, "[None, 'y', None] {}"),
    ],
)
def test_a_phases_modules_get_its_environment_and_others_dont(
    tmp_path: Path, number: int, shown: str
) -> None:
    said = run_pytest(tmp_path, _ENVIRONMENTS % number, "-s")

    assert "1 passed" in said
    assert f"given: {shown}" in said


def test_where_there_are_admins_each_test_finds_the_first_one_and_nobody_else(
    tmp_path: Path,
) -> None:
    assert "2 passed" in run_pytest(tmp_path, _AN_ADMIN)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_finds_a_clean_database_empty(turn: int, clean_database: str) -> None:
    with psycopg.connect(clean_database) as connection:
        assert connection.execute("SELECT id FROM users").fetchall() == []
        added = connection.execute(
            "INSERT INTO users (name, email) VALUES ('Ada', %s) RETURNING id",
            [f"ada{turn}@example.org"],
        ).fetchall()

    assert added == [(1,)]


def test_the_client_speaks_to_the_phase_s_own_server(http: httpx.Client) -> None:
    assert http.get("/readyz").json() == {"status": "ready"}
    assert http.timeout.read
