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
from .exchange import Answer, Mismatch
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
    "tally",
    "unique",
]

_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[..., object])
_RUN = secrets.token_hex(4)
_CALLS = itertools.count(1)


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
    gate = Gate(n)

    def call_at_the_gate(number: int) -> _T:
        with own_connections(), gate.before_the_first_request():
            return call(number)

    results: list[_T] = []
    for outcome in together(n, call_at_the_gate):
        if isinstance(outcome, Mismatch):
            raise outcome
        if isinstance(outcome, Exception):
            raise Mismatch(f"one of {n} clients got no answer: {outcome!r}") from outcome
        results.append(outcome)
    return results


def tally(answers: Iterable[Answer], **expected: int) -> None:
    """Expect so many answers of each status, given as s201=1, s409=15."""
    counted = Counter(answer.status for answer in answers)
    wanted = {int(status[1:]): times for status, times in expected.items() if times}
    if counted != wanted:
        raise Mismatch(f"expected statuses (status: times) {wanted}, got {dict(counted)}")


def check_of(item: pytest.Item) -> Check | None:
    """Find the check that a collected test is, if it is one."""
    marker = item.get_closest_marker("check")
    return cast("Check", marker.args[0]) if marker else None


def unique(prefix: str) -> str:
    """Make a word that no other call and no other run has made or will make."""
    return f"{prefix}-{_RUN}-{next(_CALLS)}"
