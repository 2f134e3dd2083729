"""Orders, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.idempotency import Known
from phase4_layered.domain.orders import ListedOrder, Locked, Outcome, Placed, is_of, order_of
from phase4_layered.domain.paging import Place

from .keys import refuse_nobody, write_down
from .stock import move

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phase4_layered.domain.idempotency import Attempt
    from phase4_layered.domain.orders import NewOrder, Order, OrderFilter

    from .store import Store, Tables


class InMemoryOrders:
    """The orders table and its lines."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def by_ids(self, ids: Sequence[int]) -> dict[int, Order | None]:
        """Find orders with their lines; an id without an order has None."""
        return {each: self._store.tables.orders.get(each) for each in ids}

    async def newest(
        self, wanted: OrderFilter, owner: int | None, after: Place, limit: int
    ) -> list[ListedOrder]:
        """Return up to `limit` orders behind a place, newest first; only the owner's, if named."""
        orders = self._store.tables.orders.values()
        behind = [
            order
            for order in orders
            if place_of(order) < after and is_of(order, owner) and matches(order, wanted)
        ]
        return [listed(order) for order in sorted(behind, key=place_of, reverse=True)[:limit]]

    async def place(self, attempt: Attempt, new: NewOrder) -> Outcome:
        """Place an order if its key is free, its products are known and there are enough of each.

        It never raises TryAgain: nobody is quicker where there is one at a time.
        """
        tables = self._store.tables
        if (row := tables.keys.get((attempt.user_id, attempt.key))) is not None:
            return Outcome(ours=True, known=row.known, placed=None, products=[])
        products = asked_for(tables, new)
        if len(products) < len(new.items) or any(each.stock < each.asked for each in products):
            return Outcome(ours=True, known=None, placed=None, products=products)
        refuse_nobody(tables, attempt)
        placed = write(self._store, attempt, products)
        return Outcome(ours=True, known=None, placed=placed, products=products)

    async def cancel(self, order_id: int, owner: int | None) -> bool:
        """Cancel a placed order (of this owner, or None: whoever's); tell whether this call did."""
        orders = self._store.tables.orders
        order = orders.get(order_id)
        if order is None or order.status != "placed" or not is_of(order, owner):
            return False
        orders[order_id] = replace(order, status="cancelled")
        return True


def place_of(order: Order) -> Place:
    """Tell where an order stands in a list."""
    return Place(order.placed_at, order.id)


def matches(order: Order, wanted: OrderFilter) -> bool:
    """Tell whether an order is one of those that were asked for."""
    return wanted.status in {None, order.status} and wanted.user_id in {None, order.user_id}


def listed(order: Order) -> ListedOrder:
    """Leave out the lines."""
    return ListedOrder(order.id, order.user_id, order.status, order.total, order.placed_at)


def asked_for(tables: Tables, new: NewOrder) -> list[Locked]:
    """Find the products of an order, by their ids, and how many pieces of each it asks for."""
    quantities = {line.product_id: line.quantity for line in new.items}
    found = [tables.products[each] for each in sorted(quantities) if each in tables.products]
    return [
        Locked(each.id, each.sku, each.name, each.price, each.stock, quantities[each.id])
        for each in found
    ]


def write(store: Store, attempt: Attempt, products: Sequence[Locked]) -> Placed:
    """Write an order with its lines, take the pieces, and write down the key."""
    total = sum(each.asked * each.price for each in products)
    placed = Placed(store.next_id(), total, store.clock())
    store.tables.orders[placed.id] = order_of(attempt.user_id, placed, products)
    move(store, {each.id: -each.asked for each in products}, "order", placed.id)
    write_down(store, attempt, Known(attempt.fingerprint, placed.id, None))
    return placed
