"""Stock and its ledger, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.products import Movement

from .refusals import stock_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phase4_layered.domain.paging import Place

    from .store import Store

MOST = 1_000_000_000
"""Pieces of one product that can be counted (`products_stock_check`)."""


class InMemoryStock:
    """The stock_movements table, and with each of its rows the stock of a product."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def movements(self, product_id: int, after: Place, limit: int) -> list[Movement] | None:
        """Return up to `limit` movements behind a place, newest first; None without a product."""
        tables = self._store.tables
        if product_id not in tables.products:
            return None
        theirs = [each for each in tables.movements.values() if each.product_id == product_id]
        behind = [each for each in theirs if each.id < after.id]
        return sorted(behind, key=lambda each: each.id, reverse=True)[:limit]

    async def movement(self, movement_id: int) -> Movement:
        """Return an entry of the ledger, which stays there for ever."""
        return self._store.tables.movements[movement_id]

    async def add(self, product_id: int, quantity: int) -> Movement | None:
        """Add pieces that came in, and say so in the ledger; None if there is no such product."""
        if product_id not in self._store.tables.products:
            return None
        return move(self._store, {product_id: quantity}, "restock")[0]

    async def take_back(self, order_id: int) -> None:
        """Put the pieces of an order back, and say so in the ledger."""
        lines = self._store.tables.orders[order_id].items
        pieces = {line.product_id: line.quantity for line in lines}
        move(self._store, pieces, "cancel", order_id)


def move(
    store: Store, pieces: Mapping[int, int], reason: str, order_id: int | None = None
) -> list[Movement]:
    """Change the stock of each product by so many pieces and say so in the ledger, or do nothing.

    Raises Conflict if there were more pieces of one than can be counted.
    """
    tables = store.tables
    products = [tables.products[product_id] for product_id in sorted(pieces)]
    if any(product.stock + pieces[product.id] > MOST for product in products):
        raise stock_limit()
    movements: list[Movement] = []
    for product in products:
        moved = pieces[product.id]
        tables.products[product.id] = replace(product, stock=product.stock + moved)
        movements.append(
            Movement(store.next_id(), product.id, moved, reason, order_id, store.clock())
        )
    tables.movements |= {movement.id: movement for movement in movements}
    return movements
