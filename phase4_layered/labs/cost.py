"""Count what the layers cost, and what they part.

Phase 3 and phase 4 are one service, written twice. So whatever differs between the two is the
price of the layers, or what it buys. Counted are files, lines of code, functions, and the length of
a function; and how many files know HTTP, how many know SQL, and how many know both and have to be
read by whoever changes either.

Nothing is run here. The sources are read, as syntax trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.phases import find_phase

from ._sources import Source, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.lab import Cell, Lab

    Count = Callable[[Sequence[Source]], int]


def run(lab: Lab) -> None:
    """Count both phases."""
    lab.predict("Phase 4 does what phase 3 does. How many lines of code more does it take?")
    lab.predict("How many files of phase 3 know both HTTP and SQL?")
    both = [sources_of(find_phase(number)) for number in (3, 4)]
    columns = ("", "phase 3", "phase 4")
    lab.table("What it is made of", columns, rows(SIZES, both))
    lab.table("Files that know", columns, rows(KNOWLEDGE, both))
    lab.table(
        "Where the code of phase 4 is", ("layer", "files", "code", "functions"), layers(both[1])
    )
    lab.note(
        "*Code* is lines without blank ones, comments and docstrings. A file knows HTTP if it "
        "imports FastAPI or Starlette, and SQL if it imports psycopg. The ports and the wiring "
        "are what phase 3 has nothing of: words that say what the parts have to be able to do, and "
        "what is handed to whom."
    )


def code(sources: Sequence[Source]) -> int:
    """Count lines of code."""
    return sum(len(source.code) for source in sources)


def longest(sources: Sequence[Source], share: float) -> int:
    """Return the length of a function that only this share of all functions exceeds."""
    lengths = sorted(length for source in sources for length in source.functions)
    return lengths[int(len(lengths) * (1 - share))]


SIZES: dict[str, Count] = {
    "files": len,
    "code": code,
    "functions": lambda sources: sum(len(source.functions) for source in sources),
    "code of a function, median": lambda sources: longest(sources, 0.5),
    "nine of ten functions have at most": lambda sources: longest(sources, 0.1),
    "SQL statements": lambda sources: sum(source.statements for source in sources),
}

KNOWLEDGE: dict[str, Count] = {
    "HTTP alone": lambda sources: sum(s.knows_http and not s.knows_sql for s in sources),
    "SQL alone": lambda sources: sum(s.knows_sql and not s.knows_http for s in sources),
    "both": lambda sources: sum(s.knows_http and s.knows_sql for s in sources),
    "neither": lambda sources: sum(not s.knows_http and not s.knows_sql for s in sources),
}


def rows(
    counts: Mapping[str, Count], both: Sequence[Sequence[Source]]
) -> list[tuple[str, int, int]]:
    """Count each thing in both phases."""
    return [(name, count(both[0]), count(both[1])) for name, count in counts.items()]


def layers(sources: Sequence[Source]) -> list[tuple[Cell, ...]]:
    """Count each layer by itself."""
    names = sorted({source.layer for source in sources})
    found = {name: [source for source in sources if source.layer == name] for name in names}
    return [
        (name, len(found[name]), code(found[name]), SIZES["functions"](found[name]))
        for name in names
    ]
