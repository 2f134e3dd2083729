"""Reads that the requests of one instant share: one query for all who ask at once.

A task starts in the event loop's next turn. Whoever asks before that is taken along, and the query
runs after the last of them has asked: nobody is told something older than their question. A query
already under way could not promise that, so it is never joined.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from .ports import UnitOfWork, Work

Key = TypeVar("Key")
Value = TypeVar("Value")


class Batch(Generic[Key, Value]):
    """Finds what many ask for with one query (a "data loader"), and each key once."""

    def __init__(
        self,
        work: Work,
        find: Callable[[UnitOfWork, Sequence[Key]], Awaitable[Mapping[Key, Value]]],
    ) -> None:
        self._work = work
        self._find = find
        self._keys: dict[Key, None] = {}  # an ordered set
        self._next: asyncio.Task[Mapping[Key, Value]] | None = None

    async def get(self, key: Key) -> Value:
        """Return what belongs to the key."""
        self._keys[key] = None
        if self._next is None:
            self._next = asyncio.create_task(self._run())
        # Shielded: a request that is cancelled must not take the query of the others with it.
        return (await asyncio.shield(self._next))[key]

    async def _run(self) -> Mapping[Key, Value]:
        keys, self._keys, self._next = list(self._keys), {}, None
        async with self._work() as work:
            return await self._find(work, keys)
