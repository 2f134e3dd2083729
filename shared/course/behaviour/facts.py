"""Two sets of facts, compared: what there is, and for each of it its parts and what they are.

A route is such a fact and so is a table; a status code is a part, and so is a column. What a part
is stands in words, because it is only ever compared and shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

Facts = Mapping[str, Mapping[str, str]]

KINDS = ("added", "removed", "changed")
_LONG = 160  # characters: what takes more to tell is to be read in the patch


@dataclass(frozen=True, slots=True)
class Difference:
    """What happened to one thing; `parts` says what of it changed, `+new` and `-old`."""

    kind: str
    name: str
    parts: tuple[str, ...] = ()


def differences(before: Facts, after: Facts) -> list[Difference]:
    """Compare by name: whatever was renamed is one that was removed and one that was added."""
    added = [Difference("added", name) for name in after if name not in before]
    removed = [Difference("removed", name) for name in before if name not in after]
    both = [(name, _parts(before[name], after[name])) for name in before if name in after]
    return [*added, *removed, *(Difference("changed", name, told) for name, told in both if told)]


def same_changes(found: list[Difference]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Put things that changed in the same way together: thirty routes that gained a 401 are one."""
    groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for difference in found:
        if difference.kind == "changed":
            groups[difference.parts].append(difference.name)
    return list(groups.items())


def counted(found: list[Difference], what: str) -> str:
    """Say how many of them were added, removed and changed; nothing if none was."""
    kinds = Counter(difference.kind for difference in found)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in KINDS if kinds[kind])
    return told and f"{what}: {told}"


def _parts(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    added = [f"+{part}" for part in after if part not in before]
    removed = [f"-{part}" for part in before if part not in after]
    changed = [
        _changed(part, told, after[part])
        for part, told in before.items()
        if part in after and after[part] != told
    ]
    return (*added, *removed, *changed)


def _changed(part: str, before: str, after: str) -> str:
    told = f"{part}: {before} -> {after}"
    return told if len(told) <= _LONG else f"{part} changed"
