"""The unit of work in memory: it has the store for itself, and can put it back as it was."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .store import Store


class InMemoryUnitOfWork:
    """Everything that is kept, seen by one who has it for themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None]:
        """Put everything back as it was if an exception leaves the block."""
        before = self._store.tables.copy()
        try:
            yield
        except BaseException:
            self._store.tables = before
            raise

    async def check(self) -> None:
        """Have all that is needed, always."""


class InMemoryWork:
    """Begins units of work on a store, one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @asynccontextmanager
    async def __call__(self) -> AsyncGenerator[InMemoryUnitOfWork]:
        """Wait for one's turn."""
        async with self._store.turn:
            yield InMemoryUnitOfWork(self._store)
