"""Requests of a race arrive complete in one instant, and a race says what became of each."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from shared.contracts import gate
from shared.contracts.exchange import Headers, Overdue, Request
from shared.contracts.kit import Answer, Api, Mismatch, raced, raced_in_rounds, tally

if TYPE_CHECKING:
    from collections.abc import Generator

N = 4
BODY = b'{"name": "Ada"}'
DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
NEXT = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
def listener() -> Generator[socket.socket]:
    """Listen as a server would that looks at what has arrived and takes its time."""
    with socket.create_server(("127.0.0.1", 0), backlog=N) as server:
        server.settimeout(20)
        yield server


def accepted(listener: socket.socket, stack: ExitStack) -> socket.socket:
    connection = stack.enter_context(listener.accept()[0])
    connection.settimeout(20)
    return connection


def received(connection: socket.socket, end: bytes) -> bytes:
    """Read up to `end` and not a byte further."""
    data = b""
    while not data.endswith(end):
        byte = connection.recv(1)
        assert byte, f"closed after {data!r}"
        data += byte
    return data


def has_more(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(20)


def test_no_request_is_complete_before_all_have_come_as_far(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 20)
    api = Api(f"http://127.0.0.1:{listener.getsockname()[1]}")
    last_may_come = threading.Event()

    def call(number: int) -> Answer:
        if number == 0:
            assert last_may_come.wait(20)
        return api.post("/users", content=BODY, headers={"Content-Type": "application/json"})

    with closing(api), ThreadPoolExecutor() as pool, ExitStack() as stack:
        racing = pool.submit(raced, N, call)
        early = [accepted(listener, stack) for _ in range(N - 1)]
        for connection in early:
            assert b"Content-Length: 15\r\n" in received(connection, BODY[:-1])
            assert not has_more(connection)
        last_may_come.set()
        for connection in [*early, accepted(listener, stack)]:
            received(connection, BODY[-1:])
            connection.sendall(DONE)

    tally(racing.result(), s200=N)


def test_a_request_without_a_body_waits_with_its_connection_open(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 20)
    api = Api(f"http://127.0.0.1:{listener.getsockname()[1]}")
    last_may_come = threading.Event()

    def call(number: int) -> Answer:
        if number == 0:
            assert last_may_come.wait(20)
        return api.delete("/users/1")

    with closing(api), ThreadPoolExecutor() as pool, ExitStack() as stack:
        racing = pool.submit(raced, N, call)
        early = [accepted(listener, stack) for _ in range(N - 1)]
        assert not any(has_more(connection) for connection in early)
        last_may_come.set()
        for connection in [*early, accepted(listener, stack)]:
            assert received(connection, b"\r\n\r\n").startswith(b"DELETE /users/1 ")
            connection.sendall(DONE)

    tally(racing.result(), s200=N)


def test_a_server_that_lets_them_in_one_by_one_is_waited_for_only_a_moment(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 0.1)
    api = Api(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve_one_by_one() -> None:
        for _ in range(N):
            with listener.accept()[0] as connection:
                received(connection, BODY)
                connection.sendall(DONE)

    with closing(api), ThreadPoolExecutor() as pool:
        serving = pool.submit(serve_one_by_one)
        answers = raced(N, lambda _: api.post("/users", content=BODY))
        serving.result()

    tally(answers, s200=N)


def test_in_each_round_all_wait_for_the_last_on_the_connections_they_have(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 20)
    api = Api(f"http://127.0.0.1:{listener.getsockname()[1]}")
    last_may_come = threading.Event()

    def call(turn: int, number: int) -> Answer:
        if (turn, number) == (1, 0):
            assert last_may_come.wait(20)
        return api.post(f"/{turn}/{number}", content=BODY)

    with closing(api), ThreadPoolExecutor() as pool, ExitStack() as stack:
        racing = pool.submit(raced_in_rounds, 2, N, call)
        by_number: dict[int, socket.socket] = {}
        for connection in [accepted(listener, stack) for _ in range(N)]:
            by_number[int(received(connection, BODY).split()[1][-1:])] = connection
        for connection in by_number.values():
            connection.sendall(NEXT)
        last = by_number.pop(0)
        for connection in by_number.values():
            received(connection, BODY[:-1])
            assert not has_more(connection)
        last_may_come.set()
        for connection in [*by_number.values(), last]:
            received(connection, BODY[-1:])
            connection.sendall(DONE)

    first, second = racing.result()
    tally([*first, *second], s200=2 * N)


def test_who_fails_keeps_nobody_waiting_at_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 60)

    def call(_: int, number: int) -> None:
        if number == N - 1:
            raise Mismatch("the wrong answer")
        if taken := gate.take_gate():
            taken.wait()

    with pytest.raises(Mismatch, match="the wrong answer"):
        raced_in_rounds(3, N, call)


def test_only_the_first_request_of_each_is_held_back() -> None:
    with gate.Gate(2).before_the_first_request():
        assert gate.take_gate() is not None
        assert gate.take_gate() is None


def test_a_race_tells_late_wrong_and_lost_answers_apart() -> None:
    def late(_: int) -> Answer:
        raise Overdue("no answer within 10 s")

    def lost(_: int) -> Answer:
        raise RuntimeError("hung up")

    with pytest.raises(Overdue):
        raced(2, late)
    with pytest.raises(Mismatch, match="one of 2 clients got no answer: RuntimeError"):
        raced(2, lost)


def test_a_tally_says_what_was_expected_and_what_came() -> None:
    request = Request("http://127.0.0.1:1", "GET", "/")
    answers = [Answer(status, Headers([]), b"", request) for status in (201, 201, 409)]

    tally(answers, s201=2, s409=1)
    with pytest.raises(Mismatch, match=r"expected .*\{201: 1, 409: 2\}, got \{201: 2, 409: 1\}"):
        tally(answers, s201=1, s409=2)
