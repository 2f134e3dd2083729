"""Units of work for tests that reach below HTTP: on a connection of the test's own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo

from phase4_layered.domain.clock import utc_now
from phase4_layered.repositories.unit_of_work import PostgresUnitOfWork
from phase4_layered.services.retention import RetentionService

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from datetime import datetime

    from psycopg import Connection

    from phase4_layered.services.ports import Work

T = TypeVar("T")


def working_on(conn: AsyncConnection[Any]) -> Work:
    """Have every unit of work on this connection."""

    @asynccontextmanager
    async def work() -> AsyncGenerator[PostgresUnitOfWork]:
        yield PostgresUnitOfWork(conn)

    return work


def beside(conn: Connection[Any], do: Callable[[Work], Awaitable[T]]) -> T:
    """Do something on another connection to the database that this one is connected to."""
    address = make_conninfo(conn.info.dsn, password=conn.info.password)

    async def working() -> T:
        async with await AsyncConnection.connect(address, autocommit=True) as other:
            await other.execute("SET lock_timeout = '1s'")
            return await do(working_on(other))

    return asyncio.run(working())


def forget(conn: Connection[Any], now: datetime) -> dict[str, int]:
    """Forget what has expired, as if it were now that time."""
    return beside(conn, lambda work: RetentionService(work, lambda: now).forget_expired())


def forget_keys(conn: Connection[Any]) -> int:
    """Forget old idempotency keys."""
    return beside(conn, lambda work: RetentionService(work, utc_now).forget_keys())
