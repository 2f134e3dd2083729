"""Stock: pieces that come in, and the ledger of all that came and went."""

from dataclasses import dataclass
from typing import cast

from ..domain.errors import not_found
from ..domain.idempotency import Attempt, refuse_misuse
from ..domain.paging import Place, Stretch, stretch_of
from ..domain.products import Movement
from .ports import UnitOfWork, Work
from .retrying import retried


@dataclass(frozen=True, slots=True)
class Restocked:
    """The entry in the ledger, and whether it was there already: written for an earlier attempt."""

    movement: Movement
    replayed: bool = False


class StockService:
    """What can be done with stock."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def movements(self, product_id: int, after: Place, limit: int) -> Stretch[Movement]:
        """List what changed a product's stock; all of it adds up to the stock there is.

        Raises NotFound.
        """
        async with self._work() as work:
            movements = await work.stock.movements(product_id, after, limit + 1)
        if movements is None:
            raise not_found("product", product_id)
        return stretch_of(movements, limit, lambda last: Place(last.created_at, last.id))

    async def restock(self, product_id: int, quantity: int, attempt: Attempt | None) -> Restocked:
        """Add pieces to the stock; with an attempt, a retry adds nothing.

        What it gives is the entry in the ledger. It never changes, so a retry gets the same one;
        the stock would be another at each look. Raises NotFound, Conflict and KeyReused.
        """
        return await retried(lambda: self._restock(product_id, quantity, attempt))

    async def _restock(self, product_id: int, quantity: int, attempt: Attempt | None) -> Restocked:
        async with self._work() as work, work.transaction():
            if attempt is not None and (known := await known_movement(work, attempt)):
                return Restocked(known, replayed=True)
            movement = await work.stock.add(product_id, quantity)
            if movement is None:
                raise not_found("product", product_id)
            if attempt is not None:
                await work.keys.add(attempt, movement.id)
        return Restocked(movement)


async def known_movement(work: UnitOfWork, attempt: Attempt) -> Movement | None:
    """Return what an earlier attempt has written; None if this is the first.

    Lock, then look: the second statement sees all that was committed before we had the lock.
    """
    ours = await work.keys.lock(attempt)
    known = await work.keys.get(attempt)
    refuse_misuse(attempt, known, ours=ours)
    return known and await work.stock.movement(cast("int", known.movement_id))
