"""The ratio of two contenders round by round.

The two figures of a round are taken within seconds of each other, so a bad minute of the machine
hits both, and their ratio says more than the ratio of two medians. How much more, the interval
tells: the median of all such ratios lies between two of those that were found, however they are
distributed (the sign test's interval; Conover, Practical Nonparametric Statistics, 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WANTED = 0.95


@dataclass(frozen=True, slots=True)
class PairedRatio:
    """The median of a run's ratios, and an interval that holds what it estimates."""

    median: float
    low: float
    high: float
    confidence: float  # how often such an interval does

    def verdict(self, must: float) -> str:
        """Tell whether the bound is held, or that the run was too short or too noisy to say."""
        if self.confidence < _WANTED or self.low < must <= self.high:
            return "undecided"
        return "holds" if self.low >= must else "fails"


@dataclass(frozen=True, slots=True)
class Pairs:
    """What a run says of two contenders: by time, and by their own processor time."""

    by_time: PairedRatio
    by_core: PairedRatio


def paired(ours: Sequence[float], theirs: Sequence[float]) -> PairedRatio:
    """Compare the rates of rounds, one by one; fewer than six rounds give little confidence."""
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    dropped = _dropped(len(ratios))
    return PairedRatio(
        median(ratios), ratios[dropped], ratios[-1 - dropped], _confidence(len(ratios), dropped)
    )


def _dropped(rounds: int) -> int:
    """Return how many ratios may be left out at either end."""
    may_be = range((rounds - 1) // 2, 0, -1)
    return next((each for each in may_be if _confidence(rounds, each) >= _WANTED), 0)


def _confidence(rounds: int, dropped: int) -> float:
    """Count the ways to fall on either side of the median that leave it in the interval."""
    missed = sum(comb(rounds, below) for below in range(dropped + 1))
    return max(0.0, 1 - 2 * missed / 2**rounds)
