"""The unit of work on PostgreSQL: one connection, all repositories on it, and its transaction."""

from contextlib import AbstractAsyncContextManager

from psycopg import AsyncConnection
from psycopg.errors import UndefinedTable

from .accounts import PostgresAccounts
from .errors import not_set_up
from .identities import PostgresIdentities
from .keys import PostgresKeys
from .logins import PostgresLogins
from .orders import PostgresOrders
from .products import PostgresProducts
from .reports import PostgresReports
from .retention import PostgresRetention
from .sessions import PostgresSessions
from .stock import PostgresStock
from .tokens import PostgresTokens
from .users import PostgresUsers


class PostgresUnitOfWork:
    """A connection that is borrowed for a while, seen as everything that is kept.

    A repository is made when it is asked for: most units of work need one of them.
    """

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    @property
    def users(self) -> PostgresUsers:
        """People."""
        return PostgresUsers(self._conn)

    @property
    def accounts(self) -> PostgresAccounts:
        """How people log in."""
        return PostgresAccounts(self._conn)

    @property
    def products(self) -> PostgresProducts:
        """What is sold."""
        return PostgresProducts(self._conn)

    @property
    def stock(self) -> PostgresStock:
        """How much of it there is, and why."""
        return PostgresStock(self._conn)

    @property
    def orders(self) -> PostgresOrders:
        """Orders."""
        return PostgresOrders(self._conn)

    @property
    def keys(self) -> PostgresKeys:
        """Idempotency keys."""
        return PostgresKeys(self._conn)

    @property
    def reports(self) -> PostgresReports:
        """What is to be learnt from all of it."""
        return PostgresReports(self._conn)

    @property
    def sessions(self) -> PostgresSessions:
        """Sessions."""
        return PostgresSessions(self._conn)

    @property
    def tokens(self) -> PostgresTokens:
        """Refresh tokens."""
        return PostgresTokens(self._conn)

    @property
    def identities(self) -> PostgresIdentities:
        """Who at which provider opens which account."""
        return PostgresIdentities(self._conn)

    @property
    def logins(self) -> PostgresLogins:
        """Logins through a provider that are under way."""
        return PostgresLogins(self._conn)

    @property
    def retention(self) -> PostgresRetention:
        """What is over, and may be forgotten."""
        return PostgresRetention(self._conn)

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """BEGIN; COMMIT at the end of the block, or ROLLBACK if an exception leaves it."""
        return self._conn.transaction()

    async def check(self) -> None:
        """Raise Unavailable unless our tables are there."""
        try:
            await self._conn.execute("SELECT FROM orders LIMIT 1")
        except UndefinedTable as error:
            raise not_set_up() from error
