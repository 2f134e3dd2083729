"""The pool of connections to PostgreSQL, and how a unit of work borrows one."""

import asyncio
import os
import select
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection, Error
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ..domain.errors import Unavailable, overloaded
from ..settings import Settings
from .errors import database_unavailable, meaning_of
from .unit_of_work import PostgresUnitOfWork


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
    async def unit_of_work(self) -> AsyncGenerator[PostgresUnitOfWork]:
        """Lend a live connection, as all that is kept; raises Unavailable when there is none.

        A connection is the scarcest thing here. So it is borrowed late, and given back before the
        answer is built and sent. What goes wrong on it goes out in the shop's words.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        await self._wait_for_turn(until)
        try:
            conn = await self._take(until)
            self._borrowed += 1
            deadline = loop.call_later(self._longest_loan, pull_the_plug, conn)
            try:
                yield PostgresUnitOfWork(conn)
            except Error as error:
                meaning = meaning_of(error)
                if meaning is None:
                    raise
                raise meaning from error
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

    def _none_to_be_had(self) -> Unavailable:
        if self._borrowed:
            return overloaded("All connections stayed busy for too long.")
        return database_unavailable()


def connection_settings(settings: Settings) -> dict[str, object]:
    """Say how each connection talks to PostgreSQL: these are libpq's and psycopg's own words."""
    milliseconds = round(settings.statement_timeout * 1000)
    of_the_address = conninfo_to_dict(settings.database_url).get("options") or ""
    return {
        "application_name": __name__.partition(".")[0],
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
        # together the service says `async with work.transaction()`.
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
