"""Threads and the event loop under slow clients: what waiting costs.

Hundreds of clients connect, send half a request and say nothing more. One healthy client goes on
asking. How many threads does each server run then, how much memory does a waiting client cost, and
does the healthy client notice?
"""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shared.lab import Lab
    from shared.servers import Server

SERVERS = {
    "threads": "phase0_raw_http",
    "event loop": "phase0_raw_http.event_loop_server",
}
PATIENT = {"HEADER_TIMEOUT": "120", "IDLE_TIMEOUT": "120", "MAX_CONNECTIONS": "2000"}
"""Time enough to measure before the server hangs up, and room for everyone."""

PANELS = {"threads": "threads", "memory": "memory, MB", "median": "healthy median, ms"}
"""What is drawn of each measurement, and what it is called."""


class Measured(NamedTuple):
    """What a number of slow clients costs one server."""

    slow: int
    threads: int
    memory: float  # MB of resident memory
    median: float  # milliseconds for a healthy request
    worst: float  # the same, 99th percentile


def run(lab: Lab) -> None:
    """Measure each server with more and more slow clients."""
    lab.predict("With 400 slow clients: threads in each server? Megabytes? Who is slower?")
    crowds = (0, 20) if lab.quick else (0, 50, 100, 200, 400)

    measured = {
        name: measure(lab.serve(module, env=PATIENT), crowds) for name, module in SERVERS.items()
    }

    columns = ("server", "slow clients", "threads", "memory MB", "median ms", "p99 ms")
    rows = [(name, *each) for name, crowded in measured.items() for each in crowded]
    lab.table("A healthy client among slow ones", columns, rows)
    draw(lab, measured)


def measure(server: Server, crowds: tuple[int, ...]) -> list[Measured]:
    """Let slow clients come until each crowd is complete, and look at the server every time."""
    with ExitStack() as clients:
        present, results = 0, list[Measured]()
        for crowd in crowds:
            for _ in range(crowd - present):
                clients.enter_context(slow_client(server))
            present = crowd
            results.append(Measured(crowd, *healthy_times(server)))
        return results


def slow_client(server: Server) -> socket.socket:
    """Connect and send half a request."""
    connection = socket.create_connection((server.host, server.port), timeout=5)
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: slo")
    return connection


def healthy_times(server: Server) -> tuple[int, float, float, float]:
    """Ask 200 times on one connection; return threads, memory, median and 99th percentile."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=10)
    times = sorted(one_request(connection) for _ in range(200))
    connection.close()
    threads, memory = footprint(server.process.pid)
    return threads, memory, median(times), times[197]


def one_request(connection: http.client.HTTPConnection) -> float:
    """Ask once and return the milliseconds it took."""
    start = time.perf_counter()
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    return (time.perf_counter() - start) * 1000


def footprint(pid: int) -> tuple[int, float]:
    """Read a process's threads and resident megabytes from /proc, which Linux has."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["Threads"]), int(fields["VmRSS"].split()[0]) / 1024


def draw(lab: Lab, measured: dict[str, list[Measured]]) -> None:
    """Plot threads, memory and the healthy client's times against the number of slow clients."""
    with lab.figure() as figure:
        figure.set_size_inches(9, 3.2)
        for panel, (quantity, title) in zip(figure.subplots(1, 3), PANELS.items(), strict=True):
            for server, crowds in measured.items():
                values = [getattr(crowd, quantity) for crowd in crowds]
                panel.plot([crowd.slow for crowd in crowds], values, "o-", label=server)
            panel.set(title=title, xlabel="slow clients", ylim=(0, None))
        figure.axes[0].legend()  # pyright: ignore[reportUnknownMemberType] - matplotlib's types
