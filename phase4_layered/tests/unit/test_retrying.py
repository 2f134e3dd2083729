"""Transactions that are tried again: when, how often, and after which pauses."""

from __future__ import annotations

import pytest

from phase4_layered.domain.errors import Conflict, TryAgain, Unavailable
from phase4_layered.services.retrying import PAUSES, retried

pytestmark = pytest.mark.anyio


class Transaction:
    """Ends in one way at the first attempt, in another one at the second; and counts."""

    def __init__(self, *outcomes: Exception | str) -> None:
        self._outcomes = iter(outcomes)
        self.attempts = 0

    async def __call__(self) -> str:
        """Attempt it."""
        self.attempts += 1
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def test_what_succeeds_is_done_once() -> None:
    transaction = Transaction("done")

    assert await retried(transaction) == "done"
    assert transaction.attempts == 1


@pytest.mark.usefixtures("pauses")
async def test_what_was_in_somebodys_way_is_done_again_until_it_succeeds() -> None:
    transaction = Transaction(TryAgain(), TryAgain(), "done")

    assert await retried(transaction) == "done"
    assert transaction.attempts == 3


@pytest.mark.usefixtures("pauses")
async def test_after_the_last_attempt_the_answer_is_that_there_are_too_many() -> None:
    transaction = Transaction(*[TryAgain()] * len(PAUSES), "too late")

    with pytest.raises(Unavailable) as refusal:
        await retried(transaction)

    assert not isinstance(refusal.value, TryAgain)
    assert (refusal.value.code, refusal.value.retry_after) == ("overloaded", 1)
    assert transaction.attempts == len(PAUSES)


@pytest.mark.parametrize(
    "failure", [Conflict("out_of_stock", "None left."), Unavailable("x", "y", 1), ValueError()]
)
async def test_what_failed_for_another_reason_is_not_done_again(failure: Exception) -> None:
    transaction = Transaction(failure, "done")

    with pytest.raises(type(failure)) as raised:
        await retried(transaction)

    assert raised.value is failure
    assert transaction.attempts == 1


async def test_pauses_are_random_and_longer_each_time_and_there_is_none_at_first(
    pauses: list[tuple[float, float]],
) -> None:
    with pytest.raises(Unavailable):
        await retried(Transaction(*[TryAgain()] * len(PAUSES)))

    assert pauses == [(0, most) for most in PAUSES]
    assert PAUSES[0] == 0
    assert list(PAUSES) == sorted(set(PAUSES))
