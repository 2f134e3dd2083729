"""The table of a benchmark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from .measure import CONNECTIONS

if TYPE_CHECKING:
    from .measure import Sample
    from .plan import Plan, Request

OURS, PEER, LIMIT = "this phase", "Express 5 + pg", "pgbench"
_COLUMNS = ("request", "who", "req/s", "ratio", "p50 ms", "p99 ms", "server", "PostgreSQL", "load")


def table(
    plan: Plan, results: dict[tuple[Request, str], Sample], seconds: float, rounds: int
) -> Table:
    """Show every contender's figures, and ours beside what they must reach."""
    shown = Table(
        title=f"Phase {plan.phase.number}, one process each, {CONNECTIONS} connections",
        caption=f"Medians of {rounds} interleaved rounds of {seconds:g} s. Ratios are to the peer. "
        "The last three columns are busy cores. Must and aim are what the course asks of its own "
        "code on a quiet machine.",
        title_justify="left",
        caption_justify="left",
    )
    for column in _COLUMNS:
        shown.add_column(column, justify="left" if column in {"request", "who"} else "right")
    for request in plan.requests:
        for name in (OURS, PEER, LIMIT):
            shown.add_row(*_row(request, name, results), end_section=name == LIMIT)
    return shown


def _row(request: Request, name: str, results: dict[tuple[Request, str], Sample]) -> list[str]:
    sample = results[request, name]
    ratio = sample.rate / results[request, PEER].rate
    cores = sample.cores
    return [
        request.name if name == OURS else "",
        name,
        f"{sample.rate:,.0f}",
        _verdict(request, ratio) if name == OURS else f"{ratio:.2f}",
        _milliseconds(sample.p50),
        _milliseconds(sample.p99),
        f"{cores.server:.2f}" if name != LIMIT else "-",
        f"{cores.postgres:.2f}",
        f"{cores.generator:.2f}",
    ]


def _verdict(request: Request, ratio: float) -> str:
    colour = "green" if ratio >= request.must else "red"
    return f"[{colour}]{ratio:.2f}[/] (must {request.must}, aim {request.aim})"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
