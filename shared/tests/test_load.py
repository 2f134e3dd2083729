"""What load sends, what it reports, and where it refuses to go."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from shared.load import Call, LoadRefused, Report, load

if TYPE_CHECKING:
    from collections.abc import Iterator


class Handler(BaseHTTPRequestHandler):
    """Answers by path, and notes what it was asked."""

    protocol_version = "HTTP/1.1"
    server: Recorder  # pyright: ignore[reportIncompatibleVariableOverride] - the one that runs it

    def do_GET(self) -> None:
        """Answer as the path says."""
        self.server.note(self, b"")
        if self.path == "/never":
            self.server.ended.wait(10)
        elif self.path == "/held":
            self.server.ended.wait(0.1)
            self.answer(200)
        elif self.path == "/rubbish":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
        elif self.path == "/half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            self.close_connection = True
        elif self.path == "/chunked":
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
            )
        elif self.path == "/last":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.close_connection = True
        else:
            self.answer(int(self.path[1:]))

    def do_POST(self) -> None:
        """Take a body."""
        self.server.note(self, self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(201)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.wfile.write(b"HTTP/1.1 %d Word\r\nContent-Length: 0\r\n\r\n" % status)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name above
        """Say nothing."""


class Recorder(ThreadingHTTPServer):
    """Remembers every request with the connection it came by."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.ended = threading.Event()
        self.seen: list[tuple[str, str, bytes]] = []
        self.connections: set[object] = set()

    def note(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Write down one request."""
        self.seen.append((request.path, request.headers.get("Content-Type", ""), body))
        self.connections.add(request.client_address)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


def test_every_request_is_sent_once_over_connections_that_are_kept(recorder: Recorder) -> None:
    report = load(recorder.url, lambda n: Call(f"/{200 + n % 2}"), clients=4, requests=100)

    assert Counter(path for path, _, _ in recorder.seen) == {"/200": 50, "/201": 50}
    assert report.statuses == {200: 50, 201: 50}
    assert len(report.latencies) == report.answered == 100
    assert len(recorder.connections) <= 4
    assert (report.failed, report.unsent) == (0, 0)


def test_a_body_is_sent_as_json(recorder: Recorder) -> None:
    report = load(recorder.url, lambda n: Call("/", "POST", {"name": "Zoë", "n": n}), requests=1)

    [(_, content_type, body)] = recorder.seen
    assert report.statuses == {201: 1}
    assert content_type == "application/json"
    assert json.loads(body) == {"name": "Zoë", "n": 0}


def test_chunked_answers_and_closed_connections_are_answers(recorder: Recorder) -> None:
    report = load(recorder.url, lambda n: Call(("/chunked", "/last")[n % 2]), clients=1, requests=6)

    assert report.statuses == {200: 6}
    assert not report.errors
    assert len(recorder.connections) == 3


def test_server_errors_count_as_failures_and_refusals_do_not(recorder: Recorder) -> None:
    report = load(recorder.url, lambda n: Call(("/503", "/404")[n % 2]), requests=10)

    assert report.statuses == {503: 5, 404: 5}
    assert report.failed == 5


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/never", "TimeoutError"),
        ("/rubbish", "HttpParserError"),
        ("/half", "ConnectionResetError"),
    ],
)
def test_what_is_no_answer_is_counted_by_what_went_wrong(
    recorder: Recorder, path: str, error: str
) -> None:
    report = load(recorder.url, lambda _: Call(path), clients=2, requests=2, timeout=0.5)

    assert report.errors.total() == report.failed == 2
    assert (report.answered, report.p50) == (0, None)
    assert error in str(report)


def test_a_server_that_is_not_there_is_an_error_and_no_crash() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

        report = load(url, lambda _: Call("/"), requests=3)

    assert report.errors == {"ConnectionRefusedError": 3}


def test_the_time_ends_a_closed_loop(recorder: Recorder) -> None:
    report = load(recorder.url, lambda _: Call("/200"), clients=1, requests=1_000_000, seconds=0.2)

    assert 0 < report.answered < 1_000_000
    assert report.unsent == 0


def test_a_rate_says_how_many_requests_fall_due(recorder: Recorder) -> None:
    report = load(recorder.url, lambda _: Call("/200"), rate=100, seconds=0.3, requests=1_000)

    assert report.answered + report.unsent == 30


def test_with_a_rate_waiting_for_a_free_client_belongs_to_the_latency(recorder: Recorder) -> None:
    report = load(recorder.url, lambda _: Call("/held"), clients=1, rate=1000, requests=3)

    assert report.latencies == sorted(report.latencies)
    assert report.latencies[-1] >= 250  # due at 2 ms, after two others of 100 ms each, its own 100


def test_requests_that_are_due_and_cannot_be_sent_are_told(recorder: Recorder) -> None:
    report = load(
        recorder.url, lambda _: Call("/never"), clients=1, rate=100, seconds=0.3, timeout=1
    )

    assert report.errors == {"TimeoutError": 1}
    assert report.unsent == 29


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1", "http://example.org", "https://127.0.0.1", "127.0.0.1:80", ""]
)
def test_load_stays_on_this_machine(url: str) -> None:
    with pytest.raises(LoadRefused, match="not on this machine"):
        load(url, lambda _: Call("/"))


@pytest.mark.parametrize("url", ["http://localhost", "http://[::1]", "http://127.0.0.2"])
def test_every_name_of_this_machine_will_do(url: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        report = load(f"{url}:{unused.getsockname()[1]}", lambda _: Call("/"), requests=1)

    assert report.errors.total() == 1


@pytest.mark.parametrize("bound", ["clients", "requests", "seconds", "timeout", "rate"])
@pytest.mark.parametrize("value", [0, -1, 10**9, float("nan")])
def test_a_bound_that_bounds_nothing_is_refused_by_name(bound: str, value: float) -> None:
    with pytest.raises(LoadRefused, match=bound):
        load("http://127.0.0.1:1", lambda _: Call("/"), **{bound: value})  # pyright: ignore[reportArgumentType] - some are wrong on purpose


def test_percentiles_are_latencies_that_were_measured() -> None:
    report = Report(latencies=[float(n) for n in range(100, 0, -1)])

    assert (report.p50, report.p99, report.percentile(100)) == (50.0, 99.0, 100.0)
    assert Report(latencies=[7.0]).p99 == 7.0


def test_a_report_reads_in_one_line() -> None:
    report = Report(2.0, Counter({200: 3}), Counter({"TimeoutError": 1}), [1.0, 2.0, 3.0], unsent=4)

    assert str(report) == (
        "2 answers/s in 2.0 s, p50 2.0 ms, p99 3.0 ms: 3 x 200, 1 x TimeoutError, 4 unsent"
    )
