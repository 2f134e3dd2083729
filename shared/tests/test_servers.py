"""Servers come up, say why they don't, and leave nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from shared import servers
from shared.infra.processes import reserved_port, wait_until
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.servers import Server

_HEALTHY = """
import os, signal
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
print("settings:", sorted(os.environ))
"""
_SERVES = "HTTPServer((os.environ['HOST'], int(os.environ['PORT'])), Handler).serve_forever()"
_IS_DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
_STARTS_ONE = """
import sys
from shared import servers
server = servers.start("phase0_raw_http")
print(server.process.pid, server.log_path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start() -> Iterator[Callable[[str], Server]]:
    """Start a program as a server; it is gone when the test is over."""
    started: list[Server] = []

    def start(program: str) -> Server:
        started.append(servers.start_command([sys.executable, "-c", program]))
        return started[-1]

    yield start
    for server in started:
        server.process.kill()
        server.process.wait()
        server.log_path.unlink()


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Choose where the servers' logs go, so that a test can see which are left."""
    monkeypatch.setattr(servers.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_service_is_alive_when_it_is_handed_over() -> None:
    with servers.start("phase0_raw_http") as server:
        assert httpx.get(f"{server.url}/healthz", timeout=5).json() == {"status": "ok"}
        assert str(server.port) in server.log()
        assert server.stop() == 0


def test_a_module_that_dies_at_once_is_quoted(tmp_path: Path, logs: Path) -> None:
    (tmp_path / "unlucky.py").write_text("raise SystemExit('no luck today')", encoding="utf-8")

    with pytest.raises(servers.ServerError, match=r"(?s)unlucky ended with .* 1\..*no luck today"):
        servers.start("unlucky", root=tmp_path)

    assert not list(logs.glob("*.log"))


def test_a_server_that_never_answers_is_stopped(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_START_WITHIN", 0.5)
    program = "import signal; print('thinking', flush=True); signal.pause()"

    with pytest.raises(servers.ServerError, match=r"is silent\. It wrote:"):
        servers.start_command([sys.executable, "-c", program])

    assert not list(logs.glob("*.log"))
    assert program not in [" ".join(child.cmdline()) for child in psutil.Process().children()]


def test_a_server_that_ignores_sigterm_is_killed(
    start: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "_STOP_WITHIN", 0.2)
    deaf = start(_HEALTHY + _IS_DEAF + _SERVES)

    assert deaf.stop() == -9


def test_a_server_may_be_stopped_twice(start: Callable[[str], Server]) -> None:
    server = start(_HEALTHY + _SERVES)

    assert server.stop() == server.stop() == -15


def test_a_server_inherits_none_of_the_developer_s_settings(
    start: Callable[[str], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "critical")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere")

    said = start(_HEALTHY + _SERVES).log()

    assert "'HOST'" in said
    assert "LOG_LEVEL" not in said
    assert "DATABASE_URL" not in said


def test_a_log_is_read_from_where_one_left_off(start: Callable[[str], Server]) -> None:
    server = start(_HEALTHY + _SERVES)
    before = server.log_path.stat().st_size

    httpx.get(f"{server.url}/only-this", timeout=5)

    assert "/only-this" in server.log(before)
    assert "settings:" not in server.log(before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_run_leaves_no_server_behind() -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _STARTS_ONE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    with run:
        pid, log = run.stdout.readline().split()
        run.kill()

    assert wait_until(lambda: ended(int(pid)), 10)
    Path(log).unlink()


def ended(pid: int) -> bool:
    """Tell whether a process is over, even where nobody asks for its exit code."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is reserved")
def test_a_server_can_listen_on_the_port_that_is_reserved_for_it() -> None:
    reservation, port = reserved_port()

    with reservation, socket.create_server(("127.0.0.1", port)) as server:
        assert server.getsockname() == ("127.0.0.1", port)
