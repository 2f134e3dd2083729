"""A picture of what happened, from top to bottom, each in the lane of whoever did it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.lab import Lab

    from ._theft import Event

    Axes = Any  # matplotlib's types are partial

COLOURS = {
    "given": "#86efac",
    "stolen": "#fde68a",
    "refused": "#e5e7eb",
    "ended": "#fca5a5",
}
LETTERS = 44
"""That fit side by side in one lane."""
DATABASE = "the database"


def draw(lab: Lab, name: str, title: str, lanes: Sequence[str], events: Sequence[Event]) -> None:
    """Draw the steps, and beside each what the database holds then."""
    all_lanes = [*lanes, DATABASE]
    with lab.figure(name) as figure:
        axes: Axes = figure.subplots(1, 1)
        for step, event in enumerate(events):
            box(axes, all_lanes.index(event.who), step, said(event), COLOURS[event.kind])
            box(axes, len(lanes), step, event.database, "white")
        axes.set(
            xlim=(-0.5, len(lanes) + 0.5),
            ylim=(len(events) - 0.4, -0.6),
            title=title,
        )
        axes.set_yticks(range(len(events)), [event.time for event in events])
        axes.set_xticks(range(len(all_lanes)), all_lanes)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def said(event: Event) -> str:
    """Write a step and its answer."""
    return event.does if event.answer == "-" else f"{event.does}: {event.answer}"


def box(axes: Axes, lane: int, step: int, text: str, colour: str) -> None:
    """Draw one box."""
    axes.text(
        lane,
        step,
        "\n".join(textwrap.wrap(text, LETTERS)),
        ha="center",
        va="center",
        fontsize=7,
        family="monospace",
        bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "#6b7280"},
    )
