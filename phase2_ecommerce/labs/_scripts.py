"""Interleavings written down as SQL: who does what, when, who has to wait, and what comes out.

A script is an anomaly, the tables it needs, and a section for the isolation levels at which it goes
alike:

    -- Lost update (P4)
    CREATE TABLE products (id int PRIMARY KEY, stock int);
    INSERT INTO products VALUES (1, 10);

    -- REPEATABLE READ, SERIALIZABLE: prevented
    SELECT stock FROM products WHERE id = 1;     -- T1 => 10
    SELECT stock FROM products WHERE id = 1;     -- T2 => 10
    UPDATE products SET stock = 9 WHERE id = 1;  -- T1
    UPDATE products SET stock = 9 WHERE id = 1;  -- T2 BLOCKS
    COMMIT;                                      -- T1, T2 fails 40001
    ROLLBACK;                                    -- T2
    SELECT stock FROM products WHERE id = 1;     -- after => 9

Each of T1, T2, T3 has a connection of its own and begins where the section begins; `after` looks at
what is left. Rows are written `1 10, 2 20`, none of them `nothing`; of other statements the result
is what psql would say: `=> DELETE 0`. A statement of which nothing is said has to succeed at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BLOCKS = "BLOCKS"
_TITLE = re.compile(r"-- (?P<title>.+?)(?: \((?P<code>[\w-]+)\))?")
_SECTION = re.compile(
    r"-- (?P<levels>[A-Z ]+(?:, [A-Z ]+)*): "
    r"(?P<verdict>happens|prevented)(?:, but (?P<but>.+) happens)?"
)
_STEP = re.compile(
    r"(?P<sql>\S.*;) +-- (?P<who>T\d|after)(?: (?P<blocks>BLOCKS)| (?P<fails>fails \w{5}))?"
    r"(?:, (?P<other>T\d) (?:goes on|(?P<other_fails>fails \w{5})))?(?: => (?P<result>.+))?"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A statement, whose it is, and what is expected: for each that is concerned, an outcome.

    An outcome is `BLOCKS`, `fails 40001` or a result; None is any success.
    """

    line: int
    sql: str
    who: str
    expects: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Section:
    """How an anomaly goes at some levels.

    `but` names another anomaly that happens in the place of the one that was prevented.
    """

    line: int
    levels: tuple[str, ...]
    verdict: str
    but: str | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """An anomaly, from its file; `code` is the name it has in the literature."""

    path: Path
    title: str
    code: str | None
    setup: str
    sections: tuple[Section, ...]

    def section(self, level: str) -> Section:
        """Return the one that holds for a level."""
        for section in self.sections:
            if level in section.levels:
                return section
        raise ValueError(f"{self.path.name} says nothing about {level}")


def read(path: Path) -> Script:
    """Read a script; whatever can't be understood is a ValueError that begins with file:line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if _SECTION.fullmatch(line)]
    title = _match(_TITLE, path, 0, lines[0])
    setup = "\n".join(lines[: starts[0]])
    ends = [*starts[1:], len(lines)]
    sections = tuple(
        _section(path, lines, start, end) for start, end in zip(starts, ends, strict=True)
    )
    return Script(path, title["title"], title["code"], setup, sections)


def _section(path: Path, lines: list[str], start: int, end: int) -> Section:
    match = _match(_SECTION, path, start, lines[start])
    steps = tuple(
        _step(number + 1, _match(_STEP, path, number, lines[number]))
        for number in range(start + 1, end)
        if lines[number] and not lines[number].startswith("--")
    )
    levels = tuple(match["levels"].split(", "))
    return Section(start + 1, levels, match["verdict"], match["but"], steps)


def _step(line: int, match: re.Match[str]) -> Step:
    """Note what is expected; a result belongs to the one named last."""
    own, other, result = match["blocks"] or match["fails"], match["other"], match["result"]
    if other is None:
        return Step(line, match["sql"], match["who"], {match["who"]: own or result})
    expects = {match["who"]: own, other: match["other_fails"] or result}
    return Step(line, match["sql"], match["who"], expects)


def _match(pattern: re.Pattern[str], path: Path, number: int, line: str) -> re.Match[str]:
    match = pattern.fullmatch(line)
    if match is None:
        raise ValueError(f"{path.name}:{number + 1}: can't be understood: {line}")
    return match
