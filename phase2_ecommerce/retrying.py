"""Transactions that PostgreSQL gave up for another's sake, and that are simply tried again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psycopg.errors import DeadlockDetected, SerializationFailure

from .errors import overloaded

Answer = TypeVar("Answer")

MOST_ATTEMPTS = 6
FIRST_PAUSE = 0.01  # seconds at most before the second attempt; each further one may be twice that


class TryAgain(Exception):
    """Raised in a transaction that found out that it looked a moment too early."""


async def retried(transaction: Callable[[], Awaitable[Answer]]) -> Answer:
    """Run a whole transaction, again if it was rolled back for no fault of its own.

    All of it, from BEGIN on: what it had read may have changed, so nothing of it can be kept.
    The pauses are random, or those who collided would meet again at the same instant. They are
    bounded, as is their number: after that 503 is the honest answer.
    """
    for attempt in range(MOST_ATTEMPTS):
        try:
            return await transaction()
        except (DeadlockDetected, SerializationFailure, TryAgain):
            await asyncio.sleep(random.uniform(0, FIRST_PAUSE * 2**attempt))  # noqa: S311 -- no secret
    raise overloaded("Too many others wanted the same at once.")
