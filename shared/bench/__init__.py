"""`course bench`: throughput beside a peer and beside the database's own limit, in one run.

Figures of two runs can't be compared: a machine has good and bad minutes. So the contenders take
turns, a few seconds each, round after round, and what counts is the ratio of their medians. Each
round begins with another one: whoever comes first meets what the last one has left behind, dead
rows and pages not yet written.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import psycopg
from rich.console import Console

from shared import databases, infra, servers

from . import peer, report
from .measure import BenchError, Sample, limit, load
from .plan import NoBenchmark, Plan, Request, plan_of
from .same_answers import compare

if TYPE_CHECKING:
    from shared.phases import Phase
    from shared.servers import Server

__all__ = ["INVALID", "BenchError", "run"]

INVALID = 3
"""Exit code of a run that has nothing to report."""
_BUSY = 0.9
"""A generator this close to one full core measures itself."""

Measure = Callable[[Request, float], Sample]
Results = dict[tuple[Request, str], list[Sample]]


def run(phase: Phase, *, seconds: float = 4, rounds: int = 6) -> int:
    """Measure the phase's requests in interleaved rounds and print a table of medians.

    Returns 0, or 3 when the run is invalid: a tool is missing, a server answered wrongly or with
    errors, or the load generator was the bottleneck.
    """
    console = Console(highlight=False)
    try:
        plan = plan_of(phase)
        results = _measure(plan, seconds, rounds, console)
        _refuse_saturation(results)
    except (BenchError, NoBenchmark) as error:
        console.print(f"[red]Nothing to report:[/] {error}", markup=True)
        return INVALID
    console.print(report.table(plan, medians(results), seconds, rounds))
    return 0


def medians(results: Results) -> dict[tuple[Request, str], Sample]:
    """Return each series' measurement of median rate, whole: its figures belong together."""
    return {
        key: sorted(samples, key=lambda sample: sample.rate)[(len(samples) - 1) // 2]
        for key, samples in results.items()
    }


def _measure(plan: Plan, seconds: float, rounds: int, console: Console) -> Results:
    results: Results = {}
    with ExitStack() as ending, console.status("seeding") as status:
        url = ending.enter_context(databases.throwaway(infra.postgres(), plan.phase))
        _seed(plan, url)
        contenders = _start(plan, url, ending)
        for request in plan.requests:
            compare(request, *contenders.values())
        for turn in range(rounds + 1):
            for request in plan.requests:
                label = f"round {turn} of {rounds}" if turn else "warming up"
                status.update(f"{label}: {request.name}")
                measure: dict[str, Measure] = {
                    name: partial(load, server) for name, server in contenders.items()
                }
                measure[report.LIMIT] = partial(limit, url, plan.folder)
                for name in _beginning_with(turn, list(measure)):
                    sample = measure[name](request, seconds if turn else 1)
                    _keep(results, (request, name), sample, turn)
    return results


def _beginning_with(turn: int, names: list[str]) -> list[str]:
    first = turn % len(names)
    return names[first:] + names[:first]


def _keep(results: Results, key: tuple[Request, str], sample: Sample, turn: int) -> None:
    if turn:  # round 0 warms up
        results.setdefault(key, []).append(sample)


def _seed(plan: Plan, url: str) -> None:
    statements = (plan.folder / "seed.sql").read_bytes().split(b";")
    with closing(psycopg.connect(url, autocommit=True, connect_timeout=10)) as connection:
        for statement in filter(bytes.strip, statements):  # VACUUM goes in no transaction
            connection.execute(statement)


def _start(plan: Plan, url: str, ending: ExitStack) -> dict[str, Server]:
    environment = {"DATABASE_URL": url}
    peer_command = peer.command(plan.peer)
    ours = servers.start(plan.phase.package, env=environment)
    ending.enter_context(ours)
    theirs = servers.start_command(peer_command, {**environment, "NODE_ENV": "production"})
    ending.enter_context(theirs)
    return {report.OURS: ours, report.PEER: theirs}


def _refuse_saturation(results: Results) -> None:
    for (request, name), samples in results.items():
        busy = median(sample.cores.generator for sample in samples)
        if busy >= _BUSY and name != "pgbench":
            raise BenchError(
                f"{request.name}, {name}: the load generator itself took {busy:.2f} of a core, so "
                f"the figures would be its own. This machine has {os.cpu_count()} cores."
            )
