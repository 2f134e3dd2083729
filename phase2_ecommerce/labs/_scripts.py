"""Interleavings written down as SQL: who does what, when, who has to wait, and what comes out.

A script is an anomaly, its tables, and a section for the isolation levels at which it goes alike:

    -- READ COMMITTED: happens
    SELECT value FROM test WHERE id = 1;      -- T1 => 10
    UPDATE test SET value = 11 WHERE id = 1;  -- T1
    UPDATE test SET value = 12 WHERE id = 1;  -- T2 BLOCKS
    COMMIT;                                   -- T1, T2 goes on
    SELECT value FROM test WHERE id = 1;      -- T2 => 12

Each transaction has a connection of its own and begins where the section begins. Nothing here is a
matter of timing: a statement BLOCKS when PostgreSQL itself lists it as waiting for a lock.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import LiteralString

LEVELS = ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
_SECTION = re.compile(r"-- ((?:[A-Z ]+)(?:, [A-Z ]+)*): (happens|prevented)")
_STEP = re.compile(r"(?P<sql>.+;)\s*-- (?P<who>T\d|after)(?P<rest>.*)")
_WITHIN = 10.0
_TICK = 0.01


class Surprise(AssertionError):
    """It went otherwise than the script says; the message begins with file:line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement: whose it is and what is expected of it."""

    line: int
    sql: str
    who: str
    blocks: bool
    releases: tuple[tuple[str, str], ...]  # (who goes on, what comes of it)
    result: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """How an anomaly goes at some levels."""

    levels: tuple[str, ...]
    verdict: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """An anomaly, from its file."""

    path: Path
    title: str
    setup: str
    sections: tuple[Section, ...]

    def section(self, level: str) -> Section:
        """Return the one that holds for a level."""
        return next(section for section in self.sections if level in section.levels)


def read(path: Path) -> Script:
    """Read a script; what it says it shows has to hold when it is played."""
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if _SECTION.fullmatch(line)]
    head = lines[: starts[0]]
    sections = tuple(
        _section(lines, start, end)
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )
    setup = "\n".join(line for line in head if not line.startswith("--"))
    return Script(path, head[0].removeprefix("-- "), setup, sections)


def _section(lines: list[str], start: int, end: int) -> Section:
    match = cast("re.Match[str]", _SECTION.fullmatch(lines[start]))
    steps = (_step(number, lines[number]) for number in range(start + 1, end) if lines[number])
    return Section(tuple(match[1].split(", ")), match[2], tuple(filter(None, steps)))


def _step(number: int, line: str) -> Step | None:
    if line.startswith("--"):
        return None
    match = _STEP.fullmatch(line)
    if match is None:
        raise ValueError(f"line {number + 1} says not whose it is: {line}")
    rest, _, result = match["rest"].partition("=>")
    releases = re.findall(r"(T\d) (goes on|fails \w{5})", rest)
    return Step(
        number + 1,
        match["sql"],
        match["who"],
        "BLOCKS" in rest,
        tuple(releases),
        result.strip() if "=>" in match["rest"] else None,
    )
