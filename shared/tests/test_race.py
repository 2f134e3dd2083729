"""The barrier: calls meet, answers keep their order, and nothing waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from shared.phases import ROOT
from shared.race import together

_HANGS = """
import threading
from shared.race import together
print(together(2, lambda _: threading.Event().wait(), timeout=0.1))
"""


def test_all_calls_are_under_way_at_the_same_time() -> None:
    everybody = threading.Barrier(16)

    def meet(_: int) -> bool:
        everybody.wait(10)
        return True

    assert together(16, meet) == [True] * 16


def test_results_come_in_the_order_of_the_numbers() -> None:
    turn = [threading.Event() for _ in range(5)]
    turn[4].set()

    def last_first(number: int) -> int:
        turn[number].wait(10)
        if number:
            turn[number - 1].set()
        return number * number

    assert together(5, last_first) == [0, 1, 4, 9, 16]


def test_an_exception_is_a_result() -> None:
    def divide(number: int) -> float:
        return 6 / number

    zero, one, two = together(3, divide)

    assert isinstance(zero, ZeroDivisionError)
    assert (one, two) == (6.0, 3.0)


def test_a_call_that_takes_too_long_is_a_timeout_beside_the_others_results() -> None:
    over = threading.Event()

    def linger(number: int) -> int:
        if number == 1:
            over.wait(30)
        return number

    try:
        first, second, third = together(3, linger, timeout=0.5)
    finally:
        over.set()

    assert (first, third) == (0, 2)
    assert isinstance(second, TimeoutError)


def test_a_failed_assertion_of_pytest_is_no_result() -> None:
    def fail(_: int) -> None:
        pytest.fail("this test is over")

    with pytest.raises(pytest.fail.Exception, match="this test is over"):
        together(2, fail)


def test_a_call_that_hangs_for_good_keeps_no_process_from_ending() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HANGS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert done.stdout == "[TimeoutError(), TimeoutError()]\n"
