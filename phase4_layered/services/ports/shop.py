"""What a shop keeps: people, products, stock, orders, and which requests it has answered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from ...domain.idempotency import Attempt, Known
from ...domain.orders import ListedOrder, NewOrder, Order, OrderFilter, Outcome
from ...domain.paging import Page, Place
from ...domain.products import Movement, NewProduct, Product, ProductChanges, ProductQuery
from ...domain.reports import BestSeller, ReportQuery, Span
from ...domain.users import NewUser, User, UserChanges, UserQuery, UserSummary


class UserRepository(Protocol):
    """People."""

    async def by_ids(self, ids: Sequence[int]) -> Mapping[int, User | None]:
        """Find users by their ids; an id without a user has None."""
        ...

    async def page(self, query: UserQuery) -> Page[User]:
        """Return one page of the users that match, and how many match in all."""
        ...

    async def add(self, new: NewUser) -> User:
        """Add a user; raises Conflict for an e-mail that is taken."""
        ...

    async def change(self, user_id: int, changes: UserChanges) -> User | None:
        """Change the given fields and leave the others; None if there is no such user.

        Nobody has vouched for an address that is new. Raises Conflict for one that is taken.
        """
        ...

    async def remove(self, user_id: int) -> bool:
        """Remove a user, unless it is the last admin, and tell whether that was done.

        Raises Conflict if the user has orders.
        """
        ...

    async def summary(self, user_id: int) -> UserSummary | None:
        """Return a user with what they have ordered."""
        ...


class ProductRepository(Protocol):
    """What is sold."""

    async def by_ids(self, ids: Sequence[int]) -> Mapping[int, Product | None]:
        """Find products by their ids; an id without a product has None."""
        ...

    async def page(self, query: ProductQuery) -> Page[Product]:
        """Return one page of the products that match, and how many match in all."""
        ...

    async def add(self, new: NewProduct) -> Product:
        """Add a product and its first movement; raises Conflict for a SKU that is taken."""
        ...

    async def change(self, product_id: int, changes: ProductChanges) -> Product | None:
        """Change the given fields and leave the others; None if there is no such product."""
        ...


class StockRepository(Protocol):
    """The ledger: every change of a stock, and what adds up to the stock there is."""

    async def movements(self, product_id: int, after: Place, limit: int) -> list[Movement] | None:
        """Return up to `limit` movements behind a place, newest first; None without a product."""
        ...

    async def movement(self, movement_id: int) -> Movement:
        """Return an entry, which stays there for ever."""
        ...

    async def add(self, product_id: int, quantity: int) -> Movement | None:
        """Add pieces that came in; None if there is no such product.

        Raises Conflict if there were more pieces than can be counted.
        """
        ...

    async def take_back(self, order_id: int) -> None:
        """Put the pieces of an order back."""
        ...


class OrderRepository(Protocol):
    """Orders."""

    async def by_ids(self, ids: Sequence[int]) -> Mapping[int, Order | None]:
        """Find orders with their lines; an id without an order has None."""
        ...

    async def newest(
        self, wanted: OrderFilter, owner: int | None, after: Place, limit: int
    ) -> list[ListedOrder]:
        """Return up to `limit` orders behind a place, newest first; only the owner's, if named."""
        ...

    async def place(self, attempt: Attempt, new: NewOrder) -> Outcome:
        """Place an order if its key is free, its products are known and there are enough of each.

        All of it or nothing, by itself: it needs no transaction around it. Raises TryAgain if the
        key turns out to be taken by one who was quicker.
        """
        ...

    async def cancel(self, order_id: int, owner: int | None) -> bool:
        """Cancel a placed order (of this owner, or None: whoever's); tell whether this call did."""
        ...


class KeyRepository(Protocol):
    """Idempotency keys, and what each was used for."""

    async def lock(self, attempt: Attempt) -> bool:
        """Try to be the only one who uses a key in this transaction; tell whether we are."""
        ...

    async def get(self, attempt: Attempt) -> Known | None:
        """Look up what a key was used for; another user's key of the same letters is another."""
        ...

    async def add(self, attempt: Attempt, movement_id: int) -> None:
        """Write down which movement this attempt has made."""
        ...


class ReportRepository(Protocol):
    """What is to be learnt from all of it."""

    async def best_sellers(self, query: ReportQuery, span: Span) -> list[BestSeller]:
        """Return the products that brought most in each period of a span."""
        ...


class RetentionRepository(Protocol):
    """What is over, and may be forgotten; a part at a time, of which each is committed."""

    async def forget_keys(self, kept: str, at_once: int) -> int:
        """Forget up to so many idempotency keys older than "24 hours", and return how many."""
        ...

    async def forget_expired(self, what: str, now: datetime, at_once: int) -> int:
        """Forget up to so many of what has expired of one kind, and return how many.

        The kinds are "sessions", "refresh tokens", "denials" and "unfinished logins".
        """
        ...
