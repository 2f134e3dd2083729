"""What moved: a function that is elsewhere, under another name or in a class now, found again.

Whoever reads a diff of files sees it deleted here and added there, and has to compare by eye.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .definitions import Definition

_SAME_NAME = 1.0
_SAME_SQL = 1.0
_ALIKE = 0.6  # by the text alone
_RELATED = 0.25  # by the text, where the name is the same
_TELLING = 3  # lines that are needed to know a function by its text
_CROWD = 8  # a line that stands in more functions than this tells nothing


@dataclass(frozen=True, slots=True)
class Move:
    """Something before, and what it is now; `changed` counts the lines of it that differ."""

    before: Definition
    after: Definition
    changed: int


@dataclass(frozen=True, slots=True)
class Moves:
    """What moved, how many stayed where they were, and what has no counterpart."""

    moved: tuple[Move, ...]
    stayed: int
    added: tuple[Definition, ...]
    removed: tuple[Definition, ...]


@dataclass(frozen=True, slots=True)
class Statements:
    """How many statements of SQL are the same, white space aside."""

    identical: int
    changed: int
    added: int
    removed: int


def moves(before: Iterable[Definition], after: Iterable[Definition]) -> Moves:
    """Pair definitions off: the ones that are surely the same first, and each only once."""
    old, new = _by_place(before), _by_place(after)
    stayed = old.keys() & new.keys()
    left = [each for place, each in old.items() if place not in stayed]
    right = [each for place, each in new.items() if place not in stayed]
    pairs = _paired(left, right)
    found = tuple(Move(a, b, _lines_changed(a, b)) for a, b in pairs)
    gone, come = {move.before for move in found}, {move.after for move in found}
    added = tuple(each for each in right if each not in come)
    removed = tuple(each for each in left if each not in gone)
    return Moves(found, len(stayed), added, removed)


def compare_statements(before: Counter[str], after: Counter[str]) -> Statements:
    """Count; one that is gone and one that is new count as one that changed if they are alike."""
    identical = before & after
    old, new = list((before - after).elements()), list((after - before).elements())
    changed = 0
    for statement in tuple(old):
        like = max(new, key=lambda other: _ratio(statement.split(), other.split()), default="")
        if like and _ratio(statement.split(), like.split()) >= _ALIKE:
            old.remove(statement)
            new.remove(like)
            changed += 1
    return Statements(identical.total(), changed, len(new), len(old))


def _by_place(found: Iterable[Definition]) -> dict[tuple[str, str, str], Definition]:
    return {(each.file, each.name, each.kind): each for each in found}


def _paired(left: list[Definition], right: list[Definition]) -> list[tuple[Definition, Definition]]:
    scored = [(_likeness(a, b), a, b) for a, b in _candidates(left, right)]
    scored.sort(key=lambda each: (-each[0], each[1].file, each[1].name, each[2].file, each[2].name))
    pairs: dict[Definition, Definition] = {}
    taken: set[Definition] = set()
    for score, a, b in scored:
        if score > 0 and a not in pairs and b not in taken:
            pairs[a] = b
            taken.add(b)
    return sorted(pairs.items(), key=lambda pair: (pair[0].file, pair[1].file, pair[0].name))


def _candidates(
    left: list[Definition], right: list[Definition]
) -> set[tuple[Definition, Definition]]:
    """Find pairs with something in common: to compare all with all would take a minute."""
    index: defaultdict[str, list[Definition]] = defaultdict(list)
    for each in right:
        for key in _keys(each):
            index[key].append(each)
    return {
        (each, other)
        for each in left
        for key in _keys(each)
        if key.startswith("name ") or len(index[key]) <= _CROWD
        for other in index.get(key, ())
        if each.kind == other.kind
    }


def _keys(found: Definition) -> Iterator[str]:
    if not found.bare_name.startswith("__"):
        yield f"name {found.bare_name.lstrip('_')}"
    yield from {f"line {line}" for line in found.lines}
    yield from (f"sql {statement}" for statement in found.statements)


def _likeness(a: Definition, b: Definition) -> float:
    """Score a pair; 0 is too little to be called the same."""
    alike = _overlap(a.lines, b.lines)
    named = a.bare_name.lstrip("_") == b.bare_name.lstrip("_") and not a.bare_name.startswith("__")
    shared = len(a.statements & b.statements) / max(len(a.statements | b.statements), 1)
    telling = min(len(a.lines), len(b.lines)) >= _TELLING
    known = alike >= (_RELATED if named else _ALIKE) and (named or telling)
    return (alike + _SAME_NAME * named + _SAME_SQL * shared) * (known or shared >= 1 / 2)


def _overlap(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Return the share of lines that both have, in whatever order: quick, and good enough."""
    return 2 * (Counter(a) & Counter(b)).total() / max(len(a) + len(b), 1)


def _ratio(a: list[str], b: list[str]) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _lines_changed(a: Definition, b: Definition) -> int:
    blocks = SequenceMatcher(None, a.lines, b.lines, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in blocks if tag != "equal")
