"""Reads that the requests of one instant share: one query for all who ask at once.

A task starts in the event loop's next turn. Whoever asks before that is taken along, and the query
runs after the last of them has asked: nobody is told something older than their question. A query
already under way could not promise that, so it is never joined.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

from fastapi import Request
from psycopg import AsyncConnection

from .database import connection

Key = TypeVar("Key")
Value = TypeVar("Value")


class Batch(Generic[Key, Value]):
    """Finds many keys with one query (a "data loader"); a query for each would be N+1."""

    def __init__(
        self, find: Callable[[AsyncConnection, Sequence[Key]], Awaitable[Mapping[Key, Value]]]
    ) -> None:
        self._find = find
        self._keys: list[Key] = []
        self._next: asyncio.Task[Mapping[Key, Value]] | None = None

    async def get(self, request: Request, key: Key) -> Value | None:
        """Return what belongs to the key, or None."""
        self._keys.append(key)
        if self._next is None:
            self._next = asyncio.create_task(self._run(request))
        # Shielded: a request that is cancelled must not take the query of the others with it.
        return (await asyncio.shield(self._next)).get(key)

    async def _run(self, request: Request) -> Mapping[Key, Value]:
        keys, self._keys, self._next = self._keys, [], None
        async with connection(request) as conn:
            return await self._find(conn, keys)


class Shared(Generic[Key, Value]):
    """Asks a question once for all who ask the same ("single flight")."""

    def __init__(self, find: Callable[[AsyncConnection, Key], Awaitable[Value]]) -> None:
        self._find = find
        self._next: dict[Key, asyncio.Task[Value]] = {}

    async def get(self, request: Request, key: Key) -> Value:
        """Return the answer."""
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._run(request, key))
        return await asyncio.shield(self._next[key])

    async def _run(self, request: Request, key: Key) -> Value:
        del self._next[key]
        async with connection(request) as conn:
            return await self._find(conn, key)
