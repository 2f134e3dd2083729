"""SIGTERM: what is under way is finished, what is idle is let go, and the end is a clean one."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.raw import connect, get, is_closed, listen, wait_for_log

if TYPE_CHECKING:
    from shared.fixtures import Serve

ECHO = "phase0_raw_http.tests.echo"
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered(kind: str, serve: Serve, number: signal.Signals) -> None:
    server = serve(ECHO, [kind])
    with connect(server) as busy, connect(server) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        busy.sendall(HEAD)
        assert busy.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        server.process.send_signal(number)

        assert is_closed(idle)
        busy.sendall(b"hello")
        answer = listen(busy)
        assert answer.endswith(b"\r\nConnection: close\r\n\r\nhello")
    assert server.process.wait(10) == 0


def test_nobody_new_is_let_in(kind: str, serve: Serve) -> None:
    server = serve(ECHO, [kind])
    with connect(server) as busy:
        busy.sendall(HEAD)
        assert busy.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        server.process.terminate()
        wait_for_log(server, "server.draining")

        with pytest.raises(ConnectionError):
            get(server)


def test_a_client_that_never_ends_does_not_hold_up_the_end(kind: str, serve: Serve) -> None:
    server = serve(ECHO, [kind], {"DRAIN_TIMEOUT": "0.2", "BODY_TIMEOUT": "60"})
    with connect(server) as busy:
        busy.sendall(HEAD)
        assert busy.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        server.process.terminate()

        assert server.process.wait(10) == 0


@pytest.mark.parametrize("module", ["phase0_raw_http", "phase0_raw_http.event_loop_server"])
def test_the_log_of_a_whole_life_has_no_traceback(serve: Serve, module: str) -> None:
    server = serve(module, env={"DRAIN_TIMEOUT": "0.2"})
    assert get(server, "/readyz").startswith(b"HTTP/1.1 200 ")
    with connect(server), connect(server) as gone:
        gone.sendall(b"GET / HTTP/1.1\r\n")

        assert server.stop() == 0

    assert "server.stopped" in server.log()
    assert "Traceback" not in server.log()
