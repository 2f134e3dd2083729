"""`course run` as a person has it: a screen, a service, and an end to both however it comes."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from shared import databases, development, infra
from shared.course import ports, run
from shared.course.errors import CourseError
from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

COURSE = [sys.executable, "-m", "shared.course.cli"]
WITHIN = 20.0
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of it")


@dataclass
class Run:
    """One command as a person started it, with all that it wrote."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    def said(self) -> str:
        """Return everything until now."""
        return self.output.read_text()

    def wait_for(self, words: str) -> str:
        """Return everything once the words are among it."""
        wait_until(lambda: words in self.said(), self.said)
        return self.said()

    def service(self) -> int:
        """Return the process that listens."""
        pid = ports.pid_of_listener(self.port)
        assert pid is not None
        return pid


def wait_until(condition: Callable[[], bool], explain: Callable[[], str]) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"It didn't come to pass: {explain()}")
        time.sleep(0.02)


class Start:
    """Starts commands on a free port, and cleans up after a test that failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Run] = []

    def __call__(self, command: list[str], **environment: str) -> Run:
        """Start one, with more environment variables."""
        port = free_port()
        output = self._folder / f"output-{len(self._started)}"
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PORT": str(port), **environment},
                stdout=file,
                stderr=file,
                process_group=0,
            )
        self._started.append(Run(process, port, output))
        return self._started[-1]

    def end(self) -> None:
        """End what still runs."""
        for started in self._started:
            with suppress(ProcessLookupError):
                os.killpg(started.process.pid, signal.SIGKILL)
            started.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start]:
    """Start commands that are gone after the test."""
    starter = Start(tmp_path)
    yield starter
    starter.end()


def listening(port: int) -> dict[str, str]:
    return {"HOST": "127.0.0.1", "PORT": str(port)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_the_screen_says_where_it_is_and_what_to_do(start: Start) -> None:
    running = start([*COURSE, "run", "0"])

    screen = running.wait_for("Try, in a second terminal")

    url = f"http://127.0.0.1:{running.port}"
    for words in (url, f"{url}/docs", "phase0_raw_http/README.md", "phase0_raw_http/server.py"):
        assert words in screen
    assert "Ctrl-C" in screen


@pytest.mark.parametrize(("number", "kept"), [(0, False), (2, True)])
def test_a_phase_with_data_says_how_to_see_it_and_how_to_begin_again(
    number: int, *, kept: bool
) -> None:
    shown = run.screen(Console(width=100), find_phase(number), listening(8000 + number))

    assert (f"make psql PHASE={number}" in shown) is kept
    assert (f"make phase{number} FRESH=1 begins with an empty database" in shown) is kept


def test_the_admin_is_told_with_a_password_that_is_nobodys_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phase = Phase(9, "phase9_guarded", tmp_path)
    admin = {"ADMIN_EMAIL": "admin@example.com", "ADMIN_PASSWORD": "f" * 32}
    environment = listening(8009) | admin

    without = run.screen(Console(width=80), phase, environment)
    (tmp_path / "make_admin.py").touch()
    with_ours = run.screen(Console(width=80), phase, environment)
    monkeypatch.setenv("ADMIN_PASSWORD", admin["ADMIN_PASSWORD"])
    with_their_own = run.screen(Console(width=80), phase, environment)

    assert "admin@example.com" not in without
    assert "admin@example.com" in with_ours
    assert " " + "f" * 32 + " " in with_ours, "it is there to be copied, so in one piece"
    assert "fff" not in with_their_own
    assert "as in ADMIN_PASSWORD" in with_their_own


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_however_it_is_asked_it_stops_cleanly(start: Start, name: str) -> None:
    running = start([*COURSE, "run", "0"])
    running.wait_for("Ctrl-C")

    running.process.send_signal(signal.Signals[name])

    assert running.process.wait(WITHIN) == 0
    assert "Stopped phase 0." in running.said()
    assert not ports.is_taken(running.port)


def test_the_service_answers_while_it_runs(start: Start) -> None:
    running = start([*COURSE, "run", "phase0"])
    running.wait_for("Ctrl-C")

    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
    connection.request("GET", "/healthz")

    assert connection.getresponse().status == 200
    connection.close()


def test_a_taken_port_is_told_with_its_owner_and_the_way_out(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        late = start([*COURSE, "run", "0"], PORT=str(port))

        assert late.process.wait(WITHIN) == 1
    assert f"Port {port} is taken by" in late.said()
    assert f"(process {os.getpid()})" in late.said()
    assert "make phase0 PORT=" in late.said()


@pytest.mark.parametrize("port", ["rubbish", "0", "65536", "-1"])
def test_what_is_no_port_is_refused_by_name(start: Start, port: str) -> None:
    refused = start([*COURSE, "run", "0"], PORT=port)

    assert refused.process.wait(WITHIN) == 2
    assert "PORT" in refused.said()
    assert "Traceback" not in refused.said()


def test_a_service_that_dies_is_told(start: Start) -> None:
    running = start([*COURSE, "run", "0"])
    running.wait_for("Ctrl-C")

    os.kill(running.service(), signal.SIGKILL)

    assert running.process.wait(WITHIN) == 1
    assert "ended by itself, killed by SIGKILL" in running.said()


def test_a_service_that_does_not_start_is_told_with_its_own_words(start: Start) -> None:
    running = start([*COURSE, "run", "0"], MAX_BODY_BYTES="rubbish")

    assert running.process.wait(WITHIN) == 1
    assert "MAX_BODY_BYTES" in running.said()
    assert "ended while starting, with exit code 2" in running.said()


@linux_only
def test_a_killed_course_takes_its_service_along(start: Start) -> None:
    running = start([*COURSE, "run", "0"])
    running.wait_for("Ctrl-C")

    running.process.kill()

    wait_until(lambda: not ports.is_taken(running.port), running.said)


def test_a_killed_make_takes_the_course_along(start: Start) -> None:
    course = f"COURSE=@exec {' '.join(COURSE)}"
    running = start([shutil.which("make") or "make", "phase0", course])
    running.wait_for("Ctrl-C")

    running.process.kill()

    running.wait_for("Stopped phase 0.")
    assert not ports.is_taken(running.port)


def test_a_phase_with_a_schema_gets_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def ensure_database(admin: str, name: str, schema: Path, *, fresh: bool) -> str:
        asked.append((admin, name, schema.name, fresh))
        return "postgresql://the-phases-own"

    monkeypatch.setattr(infra, "postgres", lambda: "postgresql://admin")
    monkeypatch.setattr(databases, "ensure_database", ensure_database)

    with ExitStack() as ending:
        environment = run.service_environment(ending, find_phase(1), "127.0.0.1", 8001, fresh=True)

    assert environment["DATABASE_URL"] == "postgresql://the-phases-own"
    assert asked == [("postgresql://admin", "phase1_crud", "schema.sql", True)]


def test_a_phase_without_a_schema_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with ExitStack() as ending:
        environment = run.service_environment(ending, find_phase(0), "::1", 8000, fresh=False)

    assert "DATABASE_URL" not in environment
    assert (environment["HOST"], environment["PORT"]) == ("::1", "8000")


def test_there_is_an_admin_before_anybody_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def make_admin(phase: Phase, environment: dict[str, str], _: Path) -> None:
        done.append(f"an admin for {phase.package} on {environment['PORT']}")

    def serve(package: str, environment: dict[str, str], _: Path) -> None:
        done.append(f"{package} on {environment['PORT']}")
        raise CourseError("enough")

    monkeypatch.setattr(development, "make_admin", make_admin)
    monkeypatch.setattr(run, "Service", serve)
    monkeypatch.setattr(run, "StopRequests", list)  # it would take pytest's signals
    port = free_port()

    with pytest.raises(CourseError, match="enough"):
        run.run(find_phase(0), port=port)

    assert done == [f"an admin for phase0_raw_http on {port}", f"phase0_raw_http on {port}"]


def test_what_runs_beside_the_service_runs_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[str] = []

    @contextmanager
    def running(phase: Phase) -> Generator[dict[str, str]]:
        yield {"ISSUER": "http://127.0.0.1:9400", "PORT": "1"}
        stopped.append(phase.package)

    monkeypatch.setattr(development, "running", running)
    with ExitStack() as ending:
        environment = run.service_environment(ending, find_phase(0), "::1", 8000, fresh=False)
        assert stopped == []

    assert stopped == ["phase0_raw_http"]
    assert environment["ISSUER"] == "http://127.0.0.1:9400"
    assert environment["PORT"] == "8000"
