"""Something that keeps a shop: each test runs once on PostgreSQL, and once in memory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import psycopg
import pytest

from phase4_layered.repositories.database import Database
from phase4_layered.tests.in_memory.store import Store
from phase4_layered.tests.in_memory.unit_of_work import InMemoryWork
from shared import databases, infra

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from datetime import datetime

    from phase4_layered.services.ports import Work
    from phase4_layered.settings import Settings
    from shared.phases import Phase


class Kept(Protocol):
    """What keeps a shop, and lets a test move an order to another day."""

    @property
    def work(self) -> Work:
        """Begin a unit of work."""
        ...

    async def move_order(self, order_id: int, placed_at: datetime) -> None:
        """Let an order have been placed at another time."""
        ...


class KeptInMemory:
    """A shop in memory."""

    def __init__(self) -> None:
        self._store = Store()
        self.work = InMemoryWork(self._store)

    async def move_order(self, order_id: int, placed_at: datetime) -> None:
        """Let an order have been placed at another time."""
        orders = self._store.tables.orders
        orders[order_id] = replace(orders[order_id], placed_at=placed_at)


class KeptInPostgres:
    """A shop in PostgreSQL."""

    def __init__(self, database: Database, database_url: str) -> None:
        self.work = database.unit_of_work
        self._database_url = database_url

    async def move_order(self, order_id: int, placed_at: datetime) -> None:
        """Let an order have been placed at another time."""
        async with await psycopg.AsyncConnection.connect(self._database_url) as conn:
            await conn.execute(
                "UPDATE orders SET placed_at = %(time)s WHERE id = %(id)s",
                {"time": placed_at, "id": order_id},
            )


@asynccontextmanager
async def kept_in_postgres(settings: Settings) -> AsyncGenerator[KeptInPostgres]:
    """Open an empty shop in the module's database, in the loop of the test."""
    databases.empty(settings.database_url)
    database = Database(settings.model_copy(update={"pool_min_size": 1, "pool_max_size": 2}))
    await database.open()
    try:
        yield KeptInPostgres(database, settings.database_url)
    finally:
        await database.close()


@pytest.fixture(scope="module")
def database_url(phase: Phase) -> Iterator[str]:
    """Make a database of the module's own, in which there is nobody, not even an admin."""
    with databases.throwaway(infra.postgres(), phase) as url:
        yield url


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the service runs."""
    return "asyncio"


@pytest.fixture(params=["PostgreSQL", "in memory"])
async def kept(request: pytest.FixtureRequest) -> AsyncGenerator[Kept]:
    """Keep an empty shop in either of the two."""
    if request.param == "in memory":
        yield KeptInMemory()
        return
    async with kept_in_postgres(request.getfixturevalue("settings")) as kept:
        yield kept


@pytest.fixture
def work(kept: Kept) -> Work:
    """Give what services are given."""
    return kept.work
