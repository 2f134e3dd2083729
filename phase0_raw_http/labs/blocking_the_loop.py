"""One blocking call in the event loop, and who pays for it.

A server on one event loop answers pings at once. Then a single client asks for a report that takes
half a second. How long do the pings of the others take meanwhile, if the report blocks, if it
awaits, if it blocks in a thread, and if it computes in a thread?
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from shared.lab import Lab
    from shared.servers import Server

WAYS = ("blocking", "awaiting", "thread", "computing")
EVERY = 0.02
"""Seconds between pings. They are sent on time, whether or not the one before was answered."""

SLOW = 50
"""Milliseconds from which a ping counts as held up."""


class Ping(NamedTuple):
    """When a ping was sent, in seconds since the start, and how long its answer took."""

    sent: float
    took: float


def run(lab: Lab) -> None:
    """Ping before, during and after a report, made in each of the four ways."""
    lab.predict("For each way: how long does the slowest ping of the others take?")
    server = lab.serve("phase0_raw_http.labs._report_server")

    pings = {way: pings_during(server, way, seconds=1.0 if lab.quick else 2.0) for way in WAYS}

    columns = ("the report is made by", "pings", "held up", "median ms", "slowest ms")
    lab.table("Pings of others during one report of 500 ms", columns, list(map(row, pings.items())))
    draw(lab, pings)


def pings_during(server: Server, way: str, seconds: float) -> list[Ping]:
    """Ping at a steady rate, while a quarter of the way in somebody asks for a report."""
    start = time.perf_counter()

    def later(moment: float, path: str) -> Ping:
        time.sleep(max(0.0, start + moment - time.perf_counter()))
        return Ping(moment, ask(server, path, since=start + moment))

    moments = [n * EVERY for n in range(int(seconds / EVERY))]
    with ThreadPoolExecutor(len(moments) + 1) as pool:
        pool.submit(later, seconds / 4, f"/{way}")
        return list(pool.map(later, moments, ["/ping"] * len(moments)))


def ask(server: Server, path: str, since: float) -> float:
    """Request a path and return the seconds from the planned moment to the whole answer."""
    with socket.create_connection((server.host, server.port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: lab\r\n\r\n".encode())
        while connection.recv(1024):
            pass
    return time.perf_counter() - since


def row(measured: tuple[str, list[Ping]]) -> tuple[str, int, int, float, float]:
    """Sum up the pings of one way."""
    way, pings = measured
    took = [ping.took * 1000 for ping in pings]
    return way, len(took), sum(ms >= SLOW for ms in took), median(took), max(took)


def draw(lab: Lab, pings: dict[str, list[Ping]]) -> None:
    """Plot every ping at the moment it was sent, one panel per way."""
    with lab.figure() as figure:
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        for panel, (way, measured) in zip(panels.flat, pings.items(), strict=True):
            panel.plot(
                [ping.sent for ping in measured], [ping.took * 1000 for ping in measured], "."
            )
            panel.set(title=way, yscale="log")
        for panel in panels[:, 0]:
            panel.set_ylabel("answered after, ms")
        for panel in panels[1]:
            panel.set_xlabel("sent at, s")
