"""Many calls at the same moment: what a race needs to be seen."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


def together(n: int, call: Callable[[int], _T], timeout: float = 30.0) -> list[_T | Exception]:
    """Run `call(0)` … `call(n - 1)` in `n` threads that a barrier releases at once.

    Returns their results in the order of the numbers; an exception is a result too. The whole
    takes `timeout` seconds at the most: what hasn't ended by then is a TimeoutError.
    """
    barrier = threading.Barrier(n)
    futures: list[Future[_T]] = [Future() for _ in range(n)]

    def enter(number: int) -> None:
        try:
            barrier.wait(timeout)
            futures[number].set_result(call(number))
        except BaseException as error:  # noqa: BLE001 - handed over to whoever asks for the result
            futures[number].set_exception(error)

    deadline = time.monotonic() + timeout
    for number in range(n):
        # Daemons: a call that hangs for good must not keep the whole process from ending.
        threading.Thread(target=enter, args=(number,), name=f"race-{number}", daemon=True).start()
    return [_outcome(future, deadline) for future in futures]


def _outcome(future: Future[_T], deadline: float) -> _T | Exception:
    try:
        return future.result(max(0.0, deadline - time.monotonic()))
    except Exception as error:  # noqa: BLE001 - what a racer raised is what it found
        return error
