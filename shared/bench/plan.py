"""What a phase's benchmark asks for, of whom, and what it must reach."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.phases import Phase

HERE = Path(__file__).resolve().parent
_RANGE = re.compile(r"<(\d+)-(\d+)>")


class NoBenchmark(LookupError):
    """The phase has none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request; `<1-99>` in its path or body stands for a random number of these.

    With a body it is a POST with an Idempotency-Key of its own, without one a GET. `must` and `aim`
    are requests per second relative to the peer's in the same run.
    """

    name: str
    path: str
    script: str  # the same SQL for pgbench
    must: float
    aim: float
    body: str = ""
    variables: tuple[str, ...] = ()  # of the script: "name=value"

    def sample(self, number: int) -> Request:
        """Return one request of this kind, with numbers in the place of the ranges."""

        def chosen(bounds: re.Match[str]) -> str:
            lowest, highest = map(int, bounds.groups())
            return str(lowest + number % (highest - lowest + 1))

        path, body = (_RANGE.sub(chosen, text) for text in (self.path, self.body))
        return replace(self, path=path, body=body)


@dataclass(frozen=True, slots=True)
class Plan:
    """The benchmark of one phase."""

    phase: Phase
    folder: Path  # seed.sql and the scripts for pgbench
    peer: Path  # a Node package that answers the same requests
    requests: tuple[Request, ...]


def phases() -> list[int]:
    """Return the numbers of the phases that have a benchmark: a folder here."""
    return sorted(int(folder.name.removeprefix("phase")) for folder in HERE.glob("phase[0-9]"))


def plan_of(phase: Phase) -> Plan:
    """Return the phase's benchmark; raises NoBenchmark with those that exist."""
    if phase.number not in phases():
        known = ", ".join(map(str, phases()))
        raise NoBenchmark(f"{phase.package} has no benchmark. The phases that have one: {known}.")
    name = f"phase{phase.number}"
    requests = importlib.import_module(f"{__package__}.{name}").REQUESTS
    return Plan(phase, HERE / name, HERE / "peers" / f"express_{name}", requests)
