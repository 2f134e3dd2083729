"""What two phases do, side by side: one section for each kind, and what it all comes to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.course.behaviour import api
from shared.course.behaviour.definitions import definitions, statements
from shared.course.behaviour.facts import counted, differences, same_changes
from shared.course.behaviour.moves import compare_statements, moves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from shared.course.behaviour.facts import Difference
    from shared.course.behaviour.moves import Move, Moves
    from shared.course.behaviour.observe import Observed

_SIGNS = {"added": "+", "removed": "-"}
_NO_DOCUMENT = "describes no API"
Sources = dict[str, str]

UNBROKEN = "\u00a0"
"""A space at which no line is to end: POST belongs to its path."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line; its sign is + for what is new, - for what is gone, ~ for what changed."""

    text: str
    sign: str = ""
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """Everything of one kind."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """A phase by its name, and what was seen of it; or why it could not be run."""

    name: str
    seen: Observed | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """What clients and the database's other users would notice."""

    routes: list[Difference]
    schemas: list[Difference]
    database: list[Difference]
    round_trips: Mapping[str, tuple[int, int]]
    untold: str = ""


def compare(before: Ran, after: Ran) -> Contract:
    """Compare what was seen; what can't be compared is told, and is neither same nor other."""
    if before.seen is None or after.seen is None:
        failed = [ran.name for ran in (before, after) if ran.seen is None]
        return Contract([], [], [], {}, f"{' and '.join(failed)} didn't run")
    a, b = before.seen, after.seen
    database, costs = differences(a.tables, b.tables), _pairs(a.round_trips, b.round_trips)
    if a.document is None or b.document is None:
        silent = [ran.name for ran, seen in ((before, a), (after, b)) if seen.document is None]
        return Contract([], [], database, costs, f"{' and '.join(silent)} {_NO_DOCUMENT}")
    routes = differences(api.routes(a.document), api.routes(b.document))
    schemas = differences(api.schemas(a.document), api.schemas(b.document))
    return Contract(routes, schemas, database, costs)


def _pairs(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {each: (count, after[each]) for each, count in before.items() if each in after}


def conclusion(contract: Contract) -> str:
    """Say in one line what it all comes to."""
    dearer = sum(after > before for before, after in contract.round_trips.values())
    costs = f"{dearer} of {len(contract.round_trips)} routes take more round trips"
    changed = "; ".join(_counts(contract))
    if contract.untold:
        return f"Contract not compared: {contract.untold}." + (changed and f" Changed: {changed}.")
    if changed:
        return f"Contract changed: {changed}. {costs.capitalize()}."
    same = "Contract unchanged: routes, status codes, schemas and database are the same"
    if dearer:
        return f"{same}, but {costs}."
    return f"{same}, and none of {len(contract.round_trips)} routes takes more round trips."


def sections(before: Ran, after: Ran, contract: Contract) -> Iterator[Section]:
    """Show what was seen of two phases that ran."""
    if before.seen is None or after.seen is None:
        reasons: defaultdict[str, list[str]] = defaultdict(list)
        for ran in (before, after):
            if ran.seen is None:
                reasons[ran.reason].append(ran.name)
        told = [f"{' and '.join(names)} didn't run: {why}" for why, names in reasons.items()]
        yield Section("Behaviour", tuple(map(Line, told)))
        return
    a, b = before.seen, after.seen
    if contract.untold:
        yield Section("API", (Line(f"{contract.untold}: there is no /openapi.json."),))
    else:
        yield Section("Routes", _lines(contract.routes, len(api.routes(b.document or {}))))
        yield Section("Schemas", _lines(contract.schemas, len(api.schemas(b.document or {}))))
    yield Section("Database", _lines(contract.database, len(b.tables)))
    if contract.round_trips or a.unmeasured or b.unmeasured:
        unmeasured = sorted({*a.unmeasured, *b.unmeasured})
        yield Section("SQL round trips", tuple(_costs(contract.round_trips, unmeasured)))


def code(before: Sources, after: Sources) -> Iterator[Section]:
    """Show what moved from file to file, and what became of the SQL."""
    found = moves(definitions(before), definitions(after))
    title = "Functions, methods and classes"
    yield Section(title, (Line(_counted(found)), *_moved(found.moved)))
    sql = compare_statements(statements(before), statements(after))
    told = (
        f"{sql.identical} statements the same, {sql.changed} changed, "
        f"{sql.added} added, {sql.removed} removed"
    )
    yield Section("SQL", (Line(told),))


def _counts(contract: Contract) -> list[str]:
    told = [
        counted(contract.routes, "routes"),
        counted(contract.schemas, "schemas"),
        counted(contract.database, "database"),
    ]
    return [each for each in told if each]


def _lines(found: list[Difference], total: int) -> tuple[Line, ...]:
    """Tell what was added and removed by name, and changes with what changed in the same way."""
    lines: list[Line] = []
    for kind, sign in _SIGNS.items():
        names = [each.name for each in found if each.kind == kind]
        if names:
            lines.append(Line(_listed(names), sign))
    for parts, names in same_changes(found):
        who, what = _listed(names), _listed(parts)
        told = f"{who}: {what}" if len(names) == 1 else f"{what}: {who}"
        lines.append(Line(told, "~"))
    same = total - sum(each.kind != "removed" for each in found)
    return (*lines, Line(f"{same} the same"))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(name.replace(" ", UNBROKEN) for name in names)


def _costs(both: Mapping[str, tuple[int, int]], unmeasured: list[str]) -> Iterator[Line]:
    groups: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for route, counts in both.items():
        groups[counts].append(route)
    for (old, new), routes in sorted(groups.items()):
        if old != new:
            yield Line(f"{old} -> {new}: {_listed(routes)}", "~")
    same = sum(len(routes) for (old, new), routes in groups.items() if old == new)
    yield Line(f"{same} the same")
    if unmeasured:
        yield Line(f"not measured: {_listed(unmeasured)}")


def _counted(found: Moves) -> str:
    same = sum(not move.changed for move in found.moved)
    moved = f"{len(found.moved)} moved ({same} of them identical)" if found.moved else "none moved"
    others = f"{len(found.added)} added, {len(found.removed)} removed"
    return f"{moved}, {found.stayed} stay where they were, {others}"


def _moved(found: Iterable[Move]) -> Iterator[Line]:
    """Put what went from one file to another under one heading."""
    files: defaultdict[tuple[str, str], list[Move]] = defaultdict(list)
    for move in found:
        files[move.before.file, move.after.file].append(move)
    for (old, new), group in files.items():
        where = f"moved {old} -> {new}" if old != new else f"renamed in {old}"
        same = ", ".join(move.before.name for move in group if _is_as_it_was(move))
        others = [Line(_told(move), depth=1) for move in group if not _is_as_it_was(move)]
        yield Line(f"{where}, identical: {same}" if same else where, "~")
        yield from others


def _is_as_it_was(move: Move) -> bool:
    return not move.changed and move.before.name == move.after.name


def _told(move: Move) -> str:
    old, new = move.before.name, move.after.name
    lines = "line" if move.changed == 1 else "lines"
    changed = f"{move.changed} {lines} changed" if move.changed else "identical"
    return f"{old} -> {new}: {changed}" if old != new else f"{old}: {changed}"
