"""What services need of the outside: shapes that something else has to fill.

The services own them. So it is PostgreSQL's module that depends on the service's word, and not the
other way round; whatever keeps the same promises will do (tests/repositories holds both to them).
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from ...domain.clock import Clock
from .identity import (
    AccessTokenSigner,
    AccountRepository,
    IdentityProvider,
    IdentityRepository,
    LoginRepository,
    PasswordHasher,
    RateLimiter,
    SessionRepository,
    TokenRepository,
)
from .shop import (
    KeyRepository,
    OrderRepository,
    ProductRepository,
    ReportRepository,
    RetentionRepository,
    StockRepository,
    UserRepository,
)

__all__ = [
    "AccessTokenSigner",
    "AccountRepository",
    "Clock",
    "IdentityProvider",
    "IdentityRepository",
    "KeyRepository",
    "LoginRepository",
    "OrderRepository",
    "PasswordHasher",
    "ProductRepository",
    "RateLimiter",
    "ReportRepository",
    "RetentionRepository",
    "SessionRepository",
    "StockRepository",
    "TokenRepository",
    "UnitOfWork",
    "UserRepository",
    "Work",
]


class UnitOfWork(Protocol):
    """Everything that is kept, as one conversation sees it.

    Each call of a repository takes effect by itself. Those in an `async with work.transaction()`
    block take effect together when the block ends, or not at all when it is left by an exception.

    What a repository is said to raise is what leaves the unit of work: catch it outside. Inside it
    may still be in other words than the shop's.
    """

    @property
    def users(self) -> UserRepository:
        """People."""
        ...

    @property
    def accounts(self) -> AccountRepository:
        """How people log in, and what they may do."""
        ...

    @property
    def products(self) -> ProductRepository:
        """What is sold."""
        ...

    @property
    def stock(self) -> StockRepository:
        """How much of it there is, and why."""
        ...

    @property
    def orders(self) -> OrderRepository:
        """Orders."""
        ...

    @property
    def keys(self) -> KeyRepository:
        """Which requests were answered."""
        ...

    @property
    def reports(self) -> ReportRepository:
        """What is to be learnt from all of it."""
        ...

    @property
    def sessions(self) -> SessionRepository:
        """Logins that last."""
        ...

    @property
    def tokens(self) -> TokenRepository:
        """Refresh tokens."""
        ...

    @property
    def identities(self) -> IdentityRepository:
        """Who at which provider opens which account."""
        ...

    @property
    def logins(self) -> LoginRepository:
        """Logins through a provider that are under way."""
        ...

    @property
    def retention(self) -> RetentionRepository:
        """What is over."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """Make one of all that is done in the block."""
        ...

    async def check(self) -> None:
        """Raise Unavailable unless everything that is to be kept has its place."""
        ...


Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
"""Begins a unit of work, for an `async with`; raises Unavailable if there is none to be had."""
