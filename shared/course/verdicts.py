"""What a grading finds: verdicts, the numbers of each kind, and the exit code they amount to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

PASSED, FAILED, WRONG_USE, TIMED_OUT, NOT_GRADABLE, GRADER_ERROR = 0, 1, 2, 3, 4, 5
INTERRUPTED = 130

WORDS = {
    "pass": "passed",
    "fail": "failed",
    "timeout": "timed out",
    "skipped": "skipped",
    "error": "grader errors",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one check ended, with all that helps to understand it."""

    id: str
    verdict: str
    sentence: str = ""
    message: str = ""
    hint: str = ""
    seconds: float = 0.0
    replay: list[str] = field(default_factory=list[str])
    output: str = ""

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Verdict:
        """Read a verdict as the reporter tells it."""
        return cls(**{name: event[name] for name in cls.__slots__ if name in event})


@dataclass(slots=True)
class Results:
    """The verdicts so far, in the order in which they fell."""

    planned: list[str] = field(default_factory=list[str])
    verdicts: list[Verdict] = field(default_factory=list[Verdict])
    trouble: str = ""  # why the grading itself broke off, if it did
    server_is_gone: bool = False

    def add(self, verdict: Verdict) -> None:
        """Note a verdict; of two for one check the later is about its cleaning up and loses."""
        if all(known.id != verdict.id for known in self.verdicts):
            self.verdicts.append(verdict)

    def skip_the_rest(self, reason: str) -> None:
        """Give a verdict to whatever was never reached."""
        reached = {verdict.id for verdict in self.verdicts}
        for check in self.planned:
            if check not in reached:
                self.add(Verdict(check, "skipped", message=reason))

    def count(self, kind: str) -> int:
        """Count the verdicts of a kind."""
        return Counter(verdict.verdict for verdict in self.verdicts)[kind]

    @property
    def exit_code(self) -> int:
        """Say the worst: a grader that stumbled, a check that failed, one that took too long."""
        if not self.trouble and not self.planned:
            return WRONG_USE
        if self.trouble or self.count("error"):
            return GRADER_ERROR
        if self.count("fail"):
            return FAILED
        return TIMED_OUT if self.count("timeout") else PASSED
