"""What a phase's benchmark asks for, of whom, and what it must reach."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shared.phases import find_phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.phases import Phase

HERE = Path(__file__).resolve().parent
_RANGE = re.compile(r"<(\d+)-(\d+)>")
_USER = "<user>"


class NoBenchmark(LookupError):
    """The phase has none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request; `<1-99>` in its path or body stands for a random number of these.

    `<user>` is the id of the one who asks, where a plan has people.
    With a body it is a POST with an Idempotency-Key of its own, without one a GET. `must` and `aim`
    are requests per second relative to the peer's in the same run.
    """

    name: str
    path: str
    script: str  # the same SQL for pgbench; "" if it isn't asked
    must: float
    aim: float
    body: str = ""
    variables: tuple[str, ...] = ()  # of the script: "name=value"

    def sample(self, number: int, user: int = 0) -> Request:
        """Return one request of this kind, with numbers in the place of the ranges."""

        def chosen(bounds: re.Match[str]) -> str:
            lowest, highest = map(int, bounds.groups())
            return str(lowest + number % (highest - lowest + 1))

        path, body = (
            _RANGE.sub(chosen, text.replace(_USER, str(user))) for text in (self.path, self.body)
        )
        return replace(self, path=path, body=body)


@dataclass(frozen=True, slots=True)
class PeerPhase:
    """Another phase as the peer: both serve from one database, with the same secrets.

    Two of our own are so close that many short rounds tell more than a few long ones.
    """

    number: int
    people: int = 0  # who sign up before the seed; each request is one of theirs
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    seconds: float = 1
    rounds: int = 32

    @property
    def phase(self) -> Phase:
        """The phase of that number."""
        return find_phase(self.number)


@dataclass(frozen=True, slots=True)
class Plan:
    """The benchmark of one phase."""

    phase: Phase
    folder: Path  # seed.sql and the scripts for pgbench
    peer: Path | PeerPhase  # who answers the same requests; the path is a Node package's
    requests: tuple[Request, ...]

    @property
    def seconds(self) -> float:
        """How long a measurement takes."""
        return self.peer.seconds if isinstance(self.peer, PeerPhase) else 4

    @property
    def rounds(self) -> int:
        """How many times all take turns."""
        return self.peer.rounds if isinstance(self.peer, PeerPhase) else 6


def phases() -> list[int]:
    """Return the numbers of the phases that have a benchmark: a folder here."""
    return sorted(int(folder.name.removeprefix("phase")) for folder in HERE.glob("phase[0-9]"))


def plan_of(phase: Phase) -> Plan:
    """Return the phase's benchmark; raises NoBenchmark with those that exist."""
    if phase.number not in phases():
        known = ", ".join(map(str, phases()))
        raise NoBenchmark(f"{phase.package} has no benchmark. The phases that have one: {known}.")
    name = f"phase{phase.number}"
    asked = importlib.import_module(f"{__package__}.{name}")
    peer = getattr(asked, "PEER", HERE / "peers" / f"express_{name}")
    return Plan(phase, HERE / name, peer, asked.REQUESTS)
