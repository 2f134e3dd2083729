"""`course bench`: throughput beside a peer and beside the database's own limit, in one run.

The peer is the same service on another platform, or another phase of the course.

Figures of two runs can't be compared: a machine has good and bad minutes. So the contenders take
turns, a few seconds each, round after round, and what counts is the ratio of their medians. Each
round begins with another one: whoever comes first meets what the last one has left behind, dead
rows and pages not yet written.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import psycopg
from rich.console import Console

from shared import databases, development, infra, servers

from . import peer, people, report
from .measure import BenchError, Sample, limit, load
from .paired import PairedRatio, Pairs, paired
from .plan import NoBenchmark, PeerPhase, Plan, Request, plan_of
from .same_answers import compare

if TYPE_CHECKING:
    from shared.phases import Phase
    from shared.servers import Server

__all__ = ["INVALID", "BenchError", "run"]

INVALID = 3
"""Exit code of a run that has nothing to report."""
_BUSY = 0.9
"""A generator this close to one full core measures itself."""
_NO_TIME = 1e-3
"""Less of a core than the kernel counts."""

Measure = Callable[[Request, float], Sample]
Results = dict[tuple[Request, str], list[Sample]]


def run(phase: Phase, *, seconds: float | None = None, rounds: int | None = None) -> int:
    """Measure the phase's requests in interleaved rounds and print a table of medians.

    How many rounds, and of how many seconds, the plan says unless somebody else does.
    Returns 0, or 3 when the run is invalid: a tool is missing, a server answered wrongly or with
    errors, or the load generator was the bottleneck.
    """
    console = Console(highlight=False)
    try:
        plan = plan_of(phase)
        seconds, rounds = seconds or plan.seconds, rounds or plan.rounds
        results = _measure(plan, seconds, rounds, console)
        _refuse_saturation(results)
    except (BenchError, NoBenchmark) as error:
        console.print(f"[red]Nothing to report:[/] {error}", markup=True)
        return INVALID
    pairs = ratios(plan, results) if isinstance(plan.peer, PeerPhase) else {}
    console.print(report.table(plan, medians(results), seconds, rounds, pairs))
    return 0


def medians(results: Results) -> dict[tuple[Request, str], Sample]:
    """Return each series' measurement of median rate, whole: its figures belong together."""
    return {
        key: sorted(samples, key=lambda sample: sample.rate)[(len(samples) - 1) // 2]
        for key, samples in results.items()
    }


def ratios(plan: Plan, results: Results) -> dict[Request, Pairs]:
    """Compare us with the peer round by round, for each kind of request.

    Once by the answers in a second of time, and once by those in a second that a core has worked
    for the server: that one a neighbour on the machine hardly changes.
    """

    def compared(request: Request, figure: Callable[[Sample], float]) -> PairedRatio:
        ours, theirs = (
            [figure(sample) for sample in results[request, name]]
            for name in (report.OURS, report.PEER)
        )
        return paired(ours, theirs)

    return {
        request: Pairs(
            compared(request, lambda sample: sample.rate),
            compared(request, lambda sample: sample.rate / max(sample.cores.server, _NO_TIME)),
        )
        for request in plan.requests
    }


def _measure(plan: Plan, seconds: float, rounds: int, console: Console) -> Results:
    results: Results = {}
    with ExitStack() as ending, console.status("seeding") as status:
        url = ending.enter_context(databases.throwaway(infra.postgres(), plan.phase))
        contenders = _start(plan, url, ending)
        tokens = _tokens(plan, contenders)
        _seed(plan, url)
        for request in plan.requests:
            compare(request, *contenders.values(), tokens=tokens)
        for turn in range(rounds + 1):
            for request in plan.requests:
                label = f"round {turn} of {rounds}" if turn else "warming up"
                status.update(f"{label}: {request.name}")
                measure: dict[str, Measure] = {
                    name: partial(load, server, tokens=tokens)
                    for name, server in contenders.items()
                }
                if request.script:
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
    if isinstance(plan.peer, PeerPhase):
        environment |= {**development.fresh(plan.phase), **plan.peer.environment}
        command, more = [sys.executable, "-m", plan.peer.phase.package], {}
    else:
        command, more = peer.command(plan.peer), {"NODE_ENV": "production"}
    ours = servers.start(plan.phase.package, env=environment)
    ending.enter_context(ours)
    theirs = servers.start_command(command, environment | more)
    ending.enter_context(theirs)
    return {report.OURS: ours, report.PEER: theirs}


def _tokens(plan: Plan, contenders: dict[str, Server]) -> tuple[str, ...]:
    """Let people sign up with one contender; the other knows them by the database and the key."""
    how_many = plan.peer.people if isinstance(plan.peer, PeerPhase) else 0
    return people.tokens(contenders[report.PEER], how_many)


def _refuse_saturation(results: Results) -> None:
    for (request, name), samples in results.items():
        busy = median(sample.cores.generator for sample in samples)
        if busy >= _BUSY and name != "pgbench":
            raise BenchError(
                f"{request.name}, {name}: the load generator itself took {busy:.2f} of a core, so "
                f"the figures would be its own. This machine has {os.cpu_count()} cores."
            )
