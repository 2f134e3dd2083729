"""The unit of work in memory: it has the store for itself, and can put it back as it was."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .accounts import InMemoryAccounts
from .identities import InMemoryIdentities
from .keys import InMemoryKeys
from .logins import InMemoryLogins
from .orders import InMemoryOrders
from .products import InMemoryProducts
from .reports import InMemoryReports
from .retention import InMemoryRetention
from .sessions import InMemorySessions
from .stock import InMemoryStock
from .tokens import InMemoryTokens
from .users import InMemoryUsers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .store import Store


class InMemoryUnitOfWork:
    """Everything that is kept, seen by one who has it for themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def users(self) -> InMemoryUsers:
        """People."""
        return InMemoryUsers(self._store)

    @property
    def accounts(self) -> InMemoryAccounts:
        """How people log in."""
        return InMemoryAccounts(self._store)

    @property
    def products(self) -> InMemoryProducts:
        """What is sold."""
        return InMemoryProducts(self._store)

    @property
    def stock(self) -> InMemoryStock:
        """How much of it there is, and why."""
        return InMemoryStock(self._store)

    @property
    def orders(self) -> InMemoryOrders:
        """Orders."""
        return InMemoryOrders(self._store)

    @property
    def keys(self) -> InMemoryKeys:
        """Idempotency keys."""
        return InMemoryKeys(self._store)

    @property
    def reports(self) -> InMemoryReports:
        """What is to be learnt from all of it."""
        return InMemoryReports(self._store)

    @property
    def sessions(self) -> InMemorySessions:
        """Sessions."""
        return InMemorySessions(self._store)

    @property
    def tokens(self) -> InMemoryTokens:
        """Refresh tokens."""
        return InMemoryTokens(self._store)

    @property
    def identities(self) -> InMemoryIdentities:
        """Who at which provider opens which account."""
        return InMemoryIdentities(self._store)

    @property
    def logins(self) -> InMemoryLogins:
        """Logins through a provider that are under way."""
        return InMemoryLogins(self._store)

    @property
    def retention(self) -> InMemoryRetention:
        """What is over, and may be forgotten."""
        return InMemoryRetention(self._store)

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
