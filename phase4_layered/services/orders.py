"""Orders: placing one, all of it or nothing; cancelling it; and looking at those there are."""

from dataclasses import dataclass, replace
from typing import cast

from ..domain.errors import TryAgain, not_found
from ..domain.idempotency import Attempt, refuse_misuse
from ..domain.identity import Identity
from ..domain.orders import (
    ListedOrder,
    NewOrder,
    Order,
    OrderFilter,
    is_of,
    order_of,
    out_of_stock,
    refuse_unknown,
)
from ..domain.paging import Place, Stretch, stretch_of
from .ports import UnitOfWork, Work
from .retrying import retried
from .sharing import Batch


@dataclass(frozen=True, slots=True)
class PlacedOrder:
    """An order as it was placed, and whether that was earlier: at another attempt."""

    order: Order
    replayed: bool = False


class OrderService:
    """What can be done with orders; another user's is as unknown as one that never was."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._by_id = Batch(work, lambda work, ids: work.orders.by_ids(ids))

    async def find(self, who: Identity, order_id: int) -> Order:
        """Show an order with its lines; raises NotFound."""
        order = await self._by_id.get(order_id)
        if order is None or not is_of(order, who.owner):
            raise not_found("order", order_id)
        return order

    async def newest(
        self, who: Identity, wanted: OrderFilter, after: Place, limit: int
    ) -> Stretch[ListedOrder]:
        """List the orders that one may see, the newest first, or those behind a place."""
        async with self._work() as work:
            orders = await work.orders.newest(wanted, who.owner, after, limit + 1)
        return stretch_of(orders, limit, lambda last: Place(last.placed_at, last.id))

    async def place(self, attempt: Attempt, new: NewOrder) -> PlacedOrder:
        """Place an order: every line of it, or none.

        Raises Invalid for a product that is unknown, Conflict if there are too few of one or
        another request is using the key, and KeyReused if it was used for something else.
        """
        return await retried(lambda: self._place(attempt, new))

    async def _place(self, attempt: Attempt, new: NewOrder) -> PlacedOrder:
        """Place an order once; what is returned has been committed.

        If the statement fails, nothing of it remains. If this process or its connection dies
        meanwhile, PostgreSQL may not even notice: it carries the statement out whole, or gives it
        up whole. The client, who heard nothing, asks again with the same key.
        """
        async with self._work() as work:
            outcome = await work.orders.place(attempt, new)
            if outcome.placed is not None:
                return PlacedOrder(order_of(attempt.user_id, outcome.placed, outcome.products))
            refuse_misuse(attempt, outcome.known, ours=outcome.ours)
            if outcome.known is not None:
                return await placed_before(work, cast("int", outcome.known.order_id))
            # What is missing may have gone to this very order: to an earlier attempt that committed
            # after our look for the key and before our locks.
            if await work.keys.get(attempt) is not None:
                raise TryAgain
        refuse_unknown(new.items, outcome.products)
        raise out_of_stock(outcome.products)

    async def cancel(self, who: Identity, order_id: int) -> Order:
        """Cancel an order of one's own; one that is cancelled already stays so, which is no error.

        Status and stock change in one transaction, or neither does. Raises NotFound.
        """
        return await retried(lambda: self._cancel(who, order_id))

    async def _cancel(self, who: Identity, order_id: int) -> Order:
        async with self._work() as work, work.transaction():
            if await work.orders.cancel(order_id, who.owner):
                await work.stock.take_back(order_id)
            order = (await work.orders.by_ids([order_id]))[order_id]
            if order is None or not is_of(order, who.owner):
                raise not_found("order", order_id)
        return order


async def placed_before(work: UnitOfWork, order_id: int) -> PlacedOrder:
    """Give the order of an earlier attempt as it was placed, whatever became of it since.

    Nothing of an order changes but its status, so all that was answered is still there to be read.
    """
    found = await work.orders.by_ids([order_id])
    order = cast("Order", found[order_id])  # the key keeps it from being removed
    return PlacedOrder(replace(order, status="placed"), replayed=True)
