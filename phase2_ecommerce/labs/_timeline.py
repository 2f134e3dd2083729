"""What happened, in order: a table with a row for each step, and a picture with a lane for each."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.lab import Lab

    Axes = Any  # matplotlib's types are partial

COLOURS = {
    "locks": "#fde68a",
    "reads": "#dbeafe",
    "waits": "#e5e7eb",
    "writes": "#86efac",
    "wrong": "#fca5a5",
    "says": "white",
}
LETTERS = 132
"""That fit side by side in all lanes."""


class Event(NamedTuple):
    """One step of one session."""

    who: str
    sql: str
    lock: str | None = None
    read: int | None = None
    wrote: int | str | None = None
    kind: str = "says"

    def came_of_it(self) -> str:
        """Say in a few words what came of the statement."""
        written = f"writes {self.wrote}" if isinstance(self.wrote, int) else self.wrote
        read = None if self.read is None else f"reads {self.read}"
        parts = (self.lock, read, written)
        return ", ".join(part for part in parts if part)


def show(lab: Lab, title: str, events: Sequence[Event]) -> None:
    """Write the steps down as a table; without the last two columns if they would be empty."""
    shown = 6 if any(event.read is not None or event.wrote is not None for event in events) else 4
    lab.table(
        title,
        ("step", "who", "SQL", "lock", "reads", "writes")[:shown],
        [
            (step, event.who, f"`{event.sql}`", event.lock, event.read, event.wrote)[:shown]
            for step, event in enumerate(events, 1)
        ],
    )


def draw(lab: Lab, name: str, title: str, events: Sequence[Event]) -> None:
    """Draw the steps from top to bottom, each in the lane of its session."""
    lanes = list(dict.fromkeys(event.who for event in events))
    with lab.figure(name) as figure:
        axes: Axes = figure.subplots(1, 1)
        for step, event in enumerate(events):
            if event.kind in {"waits", "locks"}:
                stretch(axes, lanes.index(event.who), step, ends(events, step), event.kind)
            box(axes, lanes.index(event.who), step, event, LETTERS // len(lanes))
        axes.set(
            xlim=(-0.5, len(lanes) - 0.5), ylim=(len(events) - 0.4, -0.6), yticks=[], title=title
        )
        axes.set_xticks(range(len(lanes)), lanes)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def ends(events: Sequence[Event], step: int) -> int:
    """Find the step with which a session goes on."""
    later = range(step + 1, len(events))
    return next((other for other in later if events[other].who == events[step].who), step)


def box(axes: Axes, lane: int, step: int, event: Event, letters: int) -> None:
    """Draw one step: the SQL, and beneath it what came of it."""
    lines = [*textwrap.wrap(event.sql, letters), event.came_of_it()]
    axes.text(
        lane,
        step,
        "\n".join(filter(None, lines)),
        ha="center",
        va="center",
        fontsize=6.5,
        family="monospace",
        bbox={"boxstyle": "round", "facecolor": COLOURS[event.kind], "edgecolor": "#6b7280"},
    )


def stretch(axes: Axes, lane: int, first: int, last: int, kind: str) -> None:
    """Draw how long a session waits, or has its lock."""
    axes.fill_between(
        (lane - 0.06, lane + 0.06), first, last, color=COLOURS[kind], edgecolor="#6b7280", zorder=0
    )
