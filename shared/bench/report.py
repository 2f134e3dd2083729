"""The table of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from .measure import CONNECTIONS
from .plan import PeerPhase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .measure import Sample
    from .paired import PairedRatio, Pairs
    from .plan import Plan, Request

OURS, PEER, LIMIT = "this phase", "peer", "pgbench"
_COLUMNS = ("request", "who", "req/s", "ratio", "p50 ms", "p99 ms", "server", "PostgreSQL", "load")
_COLOURS = {"holds": "green", "undecided": "yellow", "fails": "red"}


def table(
    plan: Plan,
    results: Mapping[tuple[Request, str], Sample],
    seconds: float,
    rounds: int,
    pairs: Mapping[Request, Pairs],
) -> Table:
    """Show every contender's figures, and ours beside what they must reach.

    `pairs` compares us with the peer round by round; where it is given, it decides.
    """
    shown = Table(
        title=f"Phase {plan.phase.number}, one process each, {CONNECTIONS} connections",
        caption=_caption(seconds, rounds, pairs),
        title_justify="left",
        caption_justify="left",
    )
    for column in _COLUMNS:
        shown.add_column(column, justify="left" if column in {"request", "who"} else "right")
    for request in plan.requests:
        for name in (OURS, PEER, LIMIT):
            if (request, name) in results:
                shown.add_row(*_row(plan, request, name, results))
        if request in pairs:
            found = pairs[request]
            shown.add_row("", "by round", "", _verdict_by_round(request, found.by_time))
            shown.add_row("", "by core", "", _verdict_by_round(request, found.by_core))
        shown.add_section()
    return shown


def _caption(seconds: float, rounds: int, pairs: Mapping[Request, Pairs]) -> str:
    said = f"Medians of {rounds} interleaved rounds of {seconds:g} s. Ratios are to the peer. "
    if pairs:
        confidence = min(found.by_time.confidence for found in pairs.values())
        said += "By round: the median of the ratios of single rounds, and between what it lies "
        said += f"with a confidence of {confidence:.0%}; by core: the same of requests per second "
        said += "of the server's own processor time, which neighbours on the machine change less. "
    return said + (
        "The last three columns are busy cores. Must and aim are what the course asks of its own "
        "code on a quiet machine."
    )


def _row(
    plan: Plan, request: Request, name: str, results: Mapping[tuple[Request, str], Sample]
) -> list[str]:
    sample = results[request, name]
    ratio = sample.rate / results[request, PEER].rate
    cores = sample.cores
    judged = name == OURS and not isinstance(plan.peer, PeerPhase)
    return [
        request.name if name == OURS else "",
        _name_of_the_peer(plan) if name == PEER else name,
        f"{sample.rate:,.0f}",
        _verdict(request, ratio) if judged else f"{ratio:.2f}",
        _milliseconds(sample.p50),
        _milliseconds(sample.p99),
        f"{cores.server:.2f}" if name != LIMIT else "-",
        f"{cores.postgres:.2f}",
        f"{cores.generator:.2f}",
    ]


def _name_of_the_peer(plan: Plan) -> str:
    return f"phase {plan.peer.number}" if isinstance(plan.peer, PeerPhase) else "Express 5 + pg"


def _verdict(request: Request, ratio: float) -> str:
    colour = "green" if ratio >= request.must else "red"
    return f"[{colour}]{ratio:.2f}[/] (must {request.must}, aim {request.aim})"


def _verdict_by_round(request: Request, found: PairedRatio) -> str:
    verdict = found.verdict(request.must)
    between = f"{found.median:.3f} ({found.low:.3f} to {found.high:.3f})"
    return f"{between}, must {request.must}: [{_COLOURS[verdict]}]{verdict}[/]"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
