"""What a phase's benchmark asks for, of whom, and what it must reach."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.phases import Phase

HERE = Path(__file__).resolve().parent


class NoBenchmark(LookupError):
    """The phase has none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request; `%d` in its path stands for a random number up to `highest`.

    `must` and `aim` are requests per second relative to the peer's in the same run.
    """

    name: str
    path: str
    highest: int
    script: str  # the same SQL for pgbench
    must: float
    aim: float

    def sample(self, number: int) -> str:
        """Return one path that this request may ask for."""
        return self.path % (1 + number % self.highest) if self.highest else self.path


@dataclass(frozen=True, slots=True)
class Plan:
    """The benchmark of one phase."""

    phase: Phase
    folder: Path  # seed.sql and the scripts for pgbench
    peer: Path  # a Node package that answers the same requests
    requests: tuple[Request, ...]


def plan_of(phase: Phase) -> Plan:
    """Return the phase's benchmark; raises NoBenchmark with those that exist."""
    if phase.number not in _REQUESTS:
        known = ", ".join(map(str, _REQUESTS))
        raise NoBenchmark(f"{phase.package} has no benchmark. The phases that have one: {known}.")
    name = f"phase{phase.number}"
    return Plan(phase, HERE / name, HERE / "peers" / f"express_{name}", _REQUESTS[phase.number])


_REQUESTS = {
    1: (
        Request("one user by id", "/users/%d", 10_000, "user.sql", must=0.95, aim=1.3),
        # A service that shares one answer among all who ask the same is measured with both.
        Request("20 posts, all ask the same", "/feed?limit=20", 0, "feed.sql", must=1.1, aim=1.5),
        Request(
            "20 posts, all ask another", "/feed?limit=20&user_id=%d", 1000, "author.sql", 1.1, 1.5
        ),
    ),
}
