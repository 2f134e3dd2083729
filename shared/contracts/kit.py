"""The vocabulary of a contract: checks with stable ids, a client that remembers, expectations."""

from __future__ import annotations

import itertools
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar, cast

import pytest

from shared.race import together

from .client import Api, own_connections
from .exchange import Answer, Mismatch, NoAnswer
from .expectations import expect, expect_problem, json_differences
from .gate import Gate

__all__ = [
    "Answer",
    "Api",
    "Check",
    "Mismatch",
    "check",
    "check_of",
    "expect",
    "expect_problem",
    "json_differences",
    "raced",
    "raced_in_rounds",
    "tally",
    "unique",
]

_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[..., object])
_RUN = secrets.token_hex(4)
_CALLS = itertools.count(1)
_RACE_WITHIN = 50.0
"""Seconds for a race with all its rounds: less than a check may take, so that it says what hung."""
_SHORTEST_BACKLOG = 5
"""Connections that may wait to be accepted where nobody chose a number, as in `http.server`."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check is called, what it says, what it needs and what may have been misunderstood."""

    id: str
    sentence: str
    needs: tuple[str, ...]
    hint: str


def check(id: str, *, hint: str, needs: tuple[str, ...] = ()) -> Callable[[_Function], _Function]:  # noqa: A002
    """Make a test function a check; the first line of its docstring is the check's sentence."""

    def mark(function: _Function) -> _Function:
        sentence = (function.__doc__ or "").strip().partition("\n")[0]
        described = Check(id, sentence, needs, hint)
        return pytest.mark.check(described)(function)

    return mark


def raced(n: int, call: Callable[[int], _T]) -> list[_T]:
    """Run `call(0)` … `call(n - 1)` at once, the first request of each complete in one instant.

    Returns their results in the order of the numbers; every one must have got an answer.
    """
    (results,) = raced_in_rounds(1, n, lambda _, number: call(number))
    return results


def raced_in_rounds(rounds: int, n: int, call: Callable[[int, int], _T]) -> list[list[_T]]:
    """Race `call(round, 0)` … `call(round, n - 1)`, round after round on the same connections.

    It makes hundreds of rounds affordable, for a race that a server rarely loses. Returns a list of
    results for each round.
    """
    gate = Gate(n)

    def call_at_the_gate(number: int) -> list[_T]:
        results: list[_T] = []
        with own_connections(), gate.left_open_by_who_fails():
            for turn in range(rounds):
                with gate.before_the_first_request():
                    results.append(call(turn, number))
        return results

    by_client: list[list[_T]] = []
    for outcome in together(n, call_at_the_gate, _RACE_WITHIN):
        if isinstance(outcome, NoAnswer) and n > _SHORTEST_BACKLOG:
            raise NoAnswer(
                f"one of {n} clients at once: {outcome}\n"
                f"If the server is well otherwise: does it listen with a backlog of {n} or more?"
            ) from outcome
        if isinstance(outcome, Mismatch):
            raise outcome
        if isinstance(outcome, Exception):
            raise Mismatch(f"one of {n} clients got no answer: {outcome!r}") from outcome
        by_client.append(outcome)
    return [list(results) for results in zip(*by_client, strict=True)]


def tally(answers: Iterable[Answer], **expected: int) -> None:
    """Expect so many answers of each status, given as s201=1, s409=15.

    The one to be replayed has a status that wasn't expected at all or, failing that, too often.
    """
    given = list(answers)
    counted = Counter(answer.status for answer in given)
    wanted = Counter({int(status[1:]): times for status, times in expected.items() if times})
    if counted == wanted:
        return
    too_many = [answer for answer in given if (counted - wanted)[answer.status]]
    shown = min(too_many, key=lambda answer: answer.status in wanted, default=None)
    words = f"expected statuses (status: times) {dict(wanted)}, got {dict(counted)}"
    raise Mismatch(words, shown)


def check_of(item: pytest.Item) -> Check | None:
    """Find the check that a collected test is, if it is one."""
    marker = item.get_closest_marker("check")
    return cast("Check", marker.args[0]) if marker else None


def unique(prefix: str) -> str:
    """Make a word that no other call and no other run has made or will make."""
    return f"{prefix}-{_RUN}-{next(_CALLS)}"
