"""Many calls at the same moment: what a race needs to be seen."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
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

    def enter(number: int) -> _T:
        barrier.wait(timeout)
        return call(number)

    pool = ThreadPoolExecutor(max_workers=n, thread_name_prefix="race")
    running = [pool.submit(enter, number) for number in range(n)]
    deadline = time.monotonic() + timeout
    results: list[_T | Exception] = []
    for future in running:
        try:
            results.append(future.result(max(0.0, deadline - time.monotonic())))
        except Exception as error:  # noqa: BLE001 - what a racer raised is what it found
            results.append(error)
    pool.shutdown(wait=False, cancel_futures=True)
    return results
