"""Fourteen anomalies at three isolation levels: what happens, what is prevented, and by what means.

Each anomaly is a script in labs/isolation: two or three transactions, step by step, with what every
step reads and who has to wait. It is played here on real connections, at every level. Whether an
anomaly happened is not a matter of opinion: its results are compared with those of the same
transactions one after another. If no order gives the same, the level let it happen.

Which of them does PostgreSQL's default level, READ COMMITTED, let happen? Which are left at
REPEATABLE READ? And what is the price at SERIALIZABLE?

The names are Adya's ("Weak Consistency", 1999); the idea of scripts, and a published matrix to hold
ours against, come from Hermitage (github.com/ept/hermitage).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import _player, _scripts

if TYPE_CHECKING:
    from shared.lab import Lab

    from ._player import Played
    from ._scripts import Script

CODES = ("G0", "G1a", "G1b", "G1c", "OTV", "PMP", "P4", "G-single", "G2-item", "G2")
"""From what no level lets happen to what only SERIALIZABLE prevents."""
SHOWN = ("P4", "G2-item")
"""The anomalies whose steps are shown."""
_FOLDER = Path(__file__).with_suffix("")
_COLOURS = {"happens": "#e8a598", "prevented": "#b9d8c2"}
LEGEND = """\
- *waits*: a statement waited for a lock until the other transaction had ended.
- *error 40001*: PostgreSQL gave a transaction up; it has to be repeated from its beginning.
- *error 23505*: a unique index refused a row.
- *old version*: nobody waited. Readers were given what was committed when their statement began
  (READ COMMITTED), or when their transaction's first statement did (the other levels).
- In brackets: what happened in its place."""

Row = tuple["Script", list["Played"]]


def run(lab: Lab) -> None:
    """Play every script at every level; print what came of it, and two of them step by step."""
    lab.predict(
        "How many of the 14 anomalies happen at READ COMMITTED, how many at REPEATABLE READ?"
    )
    rows = [
        (script, [_player.play(lab.database_url, script, level) for level in _player.LEVELS])
        for script in scripts()
    ]
    anomalies = [row for row in rows if row[0].code]
    cures = [row for row in rows if not row[0].code]
    lab.table(
        "What happens at which level",
        ("anomaly", "known as", *_player.LEVELS),
        [(script.title, script.code, *map(verdict, plays)) for script, plays in anomalies],
    )
    lab.note(LEGEND)
    draw(lab, anomalies)
    lab.table(
        "The same wishes, written otherwise",
        ("cure", *_player.LEVELS),
        [(script.title, *map(verdict, plays)) for script, plays in cures],
    )
    for script, plays in anomalies:
        if script.code in SHOWN:
            for played in different(plays):
                timeline(lab, script.title, played)


def scripts() -> list[Script]:
    """Read all scripts: anomalies from the mildest demand to the strictest, then the cures."""
    order = {code: place for place, code in enumerate(CODES)}
    found = map(_scripts.read, sorted(_FOLDER.glob("*.sql")))
    return sorted(found, key=lambda script: order[script.code] if script.code else len(order))


def verdict(played: Played) -> str:
    """Say whether the anomaly happened, and if not, what prevented it."""
    if played.section.verdict == "happens":
        return "HAPPENS"
    means = ["waits"] if played.waited else []
    means += [f"error {error}" for error in played.errors]
    said = ", ".join(means) or "old version"
    return f"{said} ({played.section.but})" if played.section.but else said


def different(plays: list[Played]) -> list[Played]:
    """Leave out the levels at which it goes as at the one before."""
    sections = [played.section for played in plays]
    return [played for place, played in enumerate(plays) if played.section not in sections[:place]]


def timeline(lab: Lab, title: str, played: Played) -> None:
    """Show the steps in a lane for each transaction, and what came of them, downwards in time."""
    lanes = [*sorted({event.who for event in played.events} - {"after"}), "after"]
    rows: list[list[str]] = []
    waiting: set[str] = set()
    for who, step, outcome in played.events:
        text = "goes on" if who in waiting else step.sql.rstrip(";")
        rows.append([text + _arrow(outcome) if lane == who else "" for lane in lanes])
        waiting = waiting | {who} if outcome == _scripts.BLOCKS else waiting - {who}
    lab.table(f"{title} at {played.level}", lanes, rows)


def _arrow(outcome: str) -> str:
    if outcome in {"COMMIT", "ROLLBACK"}:
        return ""
    return " … waits" if outcome == _scripts.BLOCKS else f" → {outcome}"


def draw(lab: Lab, rows: list[Row]) -> None:
    """Paint the matrix: who reads it from the left to the right sees the levels grow stricter."""
    with lab.figure() as figure:
        axes = figure.subplots(1, 1, squeeze=False)[0, 0]
        for height, (_, plays) in enumerate(rows):
            for column, played in enumerate(plays):
                colour = _COLOURS[played.section.verdict]
                axes.barh(height, 0.97, left=column, height=0.92, color=colour)
                text = verdict(played)
                axes.text(column + 0.485, height, text, ha="center", va="center", fontsize=8)
        axes.set_yticks(
            range(len(rows)), [f"{script.title}  {script.code}" for script, _ in rows], fontsize=8
        )
        axes.set_xticks([0.485, 1.485, 2.485], _player.LEVELS, fontsize=8)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.margins(x=0.01, y=0.01)
        axes.invert_yaxis()
        axes.set_frame_on(b=False)
