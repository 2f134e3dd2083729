"""The pool of connections to PostgreSQL, and how a request borrows one."""

import asyncio
import os
import re
import select
import socket
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache
from typing import Any, LiteralString, TypeVar, cast

from fastapi import Request
from psycopg import AsyncConnection, AsyncCursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from .errors import Problem, database_unavailable, overloaded
from .schemas import Item, Page, PageQuery
from .settings import Settings

Row = TypeVar("Row")


def connection(request: Request) -> AbstractAsyncContextManager[AsyncConnection]:
    """Borrow a connection for as long as the `async with` block lasts.

    Handlers call this themselves and late: a connection is the scarcest thing here, and one taken
    by a dependency would sit idle while the answer is built and sent.
    """
    database = cast("Database", request.app.state.database)
    return database.connection()


class Database:
    """A bounded number of connections, shared by all requests."""

    def __init__(self, settings: Settings) -> None:
        self._patience = settings.pool_timeout
        self._longest_loan = settings.statement_timeout + 1
        self._borrowed = 0
        # As many turns as connections. The pool has a queue of its own, and makes a task of each
        # wait in it. A semaphore makes do with a future, so the waiting is done here.
        self._turns = asyncio.Semaphore(settings.pool_max_size)
        self._room_to_wait = settings.pool_max_waiting
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            settings.database_url,
            kwargs=connection_settings(settings),
            min_size=settings.pool_min_size,
            max_size=settings.pool_max_size,
            # The next request starts a connector that has given up anew, so giving up early is
            # what lets the service notice early that PostgreSQL is back.
            reconnect_timeout=settings.pool_timeout,
            open=False,
        )

    async def open(self) -> None:
        """Start connecting, without waiting: a service may start before its database."""
        await self._pool.open()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[AsyncConnection]:
        """Lend a live connection; raises the 503 that fits when there is none to be had."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        await self._wait_for_turn(until)
        try:
            conn = await self._take(until)
            self._borrowed += 1
            deadline = loop.call_later(self._longest_loan, pull_the_plug, conn)
            try:
                yield conn
            finally:
                deadline.cancel()
                self._borrowed -= 1
                # Whatever happened, the connection goes back: the pool rolls back what was left
                # open, and replaces a connection that has died.
                await self._pool.putconn(conn)
        finally:
            self._turns.release()

    async def _wait_for_turn(self, until: float) -> None:
        if self._turns.locked() and not self._room_to_wait:
            raise overloaded("Too many requests are waiting for a connection.")
        self._room_to_wait -= 1
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError as error:
            raise self._none_to_be_had() from error
        finally:
            self._room_to_wait += 1

    async def _take(self, until: float) -> AsyncConnection:
        time = asyncio.get_running_loop().time
        try:
            while has_hung_up(conn := await self._pool.getconn(until - time())):
                await conn.close()
                await self._pool.putconn(conn)
        except PoolTimeout as error:
            raise self._none_to_be_had() from error
        return conn

    def _none_to_be_had(self) -> Problem:
        if self._borrowed:
            return overloaded("All connections stayed busy for too long.")
        return database_unavailable()


def connection_settings(settings: Settings) -> dict[str, object]:
    """Say how each connection talks to PostgreSQL: these are libpq's and psycopg's own words."""
    milliseconds = round(settings.statement_timeout * 1000)
    of_the_address = conninfo_to_dict(settings.database_url).get("options") or ""
    return {
        "application_name": __package__,
        "connect_timeout": max(2, round(settings.pool_timeout)),
        "options": " ".join(
            (
                str(of_the_address),
                "-c TimeZone=UTC",
                f"-c statement_timeout={milliseconds}",
                # A service that hangs in the middle of a transaction must not keep its locks.
                f"-c idle_in_transaction_session_timeout={milliseconds}",
                # A prepared statement with a parameter in its LIMIT would be planned on every call.
                # One plan for all values suits queries that ask the same question of an index.
                "-c plan_cache_mode=force_generic_plan",
                "-c jit=off -c enable_memoize=off",
            )
        ),
        # Each statement commits by itself, which saves two round trips; where two statements belong
        # together the code says `async with conn.transaction()`.
        "autocommit": True,
        # Prepare at the first use: the queries of a service are few and come back.
        "prepare_threshold": 0,
    }


def has_hung_up(conn: AsyncConnection) -> bool:
    """Tell whether PostgreSQL has ended an idle connection, without a round trip to ask.

    An idle server has nothing to say, so a socket with something to read carries its good-bye.
    """
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def pull_the_plug(conn: AsyncConnection) -> None:
    """Fail the statement under way on a connection whose server has stopped answering.

    `statement_timeout` is a promise PostgreSQL makes, and a machine that hangs keeps no promises.
    """
    if not conn.closed:
        with socket.socket(fileno=os.dup(conn.fileno())) as plug:
            plug.shutdown(socket.SHUT_RDWR)


# ---------------------------------------------------------------- writing and reading SQL


@cache
def sql(template: LiteralString, **parts: LiteralString) -> bytes:
    """Fill in parts of a statement; a LiteralString stands in our source, never in a request."""
    return SQL(template).format(**{name: SQL(part) for name, part in parts.items()}).as_bytes()


def array(numbers: Iterable[int]) -> str:
    """Write whole numbers as PostgreSQL reads an array: psycopg, not knowing, looks at each."""
    return "{" + ",".join(map(str, numbers)) + "}"


def containing(text: str | None) -> str | None:
    r"""Make the LIKE pattern for "contains"; in the text %, _ and \ stand for themselves."""
    return text and "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


@asynccontextmanager
async def planned_for(conn: AsyncConnection, pattern: str | None) -> AsyncGenerator[None]:
    """Let the statements inside be planned for their values, if there is a pattern among them.

    The plan for all values cannot know how rare a text is, and would read the whole table for it.
    """
    if pattern is None:
        yield
        return
    async with conn.transaction():
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


async def the_row(cursor: AsyncCursor[Row]) -> Row:
    """Fetch the row of a statement that always gives one."""
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("a statement with RETURNING gave no row")
    return row


def page_of(
    rows: Sequence[tuple[Any, ...]], query: PageQuery, item: Callable[..., Item]
) -> Page[Item]:
    """Make a page of rows that hold the total and, unless the page is empty, an item's columns."""
    items = [item(*columns) for _, *columns in rows if columns[0] is not None]
    return Page(items, query.limit, query.offset, total=rows[0][0])
