"""Transactions that were ended so that others could go on, and that are tried again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ..domain.errors import TryAgain, overloaded

Answer = TypeVar("Answer")

PAUSES = (0, 0.01, 0.02, 0.04, 0.08, 0.16)  # seconds, at most, before each of six attempts


async def retried(transaction: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run a whole transaction, again if it was rolled back for no fault of its own.

    All of it, from BEGIN on: what it had read may have changed, so nothing of it can be kept.
    The pauses are random, or those who collided would meet again at the same instant. They are
    bounded, as is their number: after that "overloaded" is the honest answer.
    """
    for pause in PAUSES:
        await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 -- no secret
        with suppress(TryAgain):
            return await transaction()
    raise overloaded("Too many others wanted the same at once.")
