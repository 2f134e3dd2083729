"""Stock and its ledger, over HTTP."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, TypeAdapter

from ..domain.fields import Limit
from ..domain.products import Movement, Restock
from ..services.stock import StockService
from .auth import FOR_ADMINS, Admin
from .cursors import Cursor, cursor_behind, start_of
from .errors import BODY, problems
from .idempotency import OptionalKey, attempt_of, replayed
from .path import Id
from .responses import ok
from .strict import StrictRoute


@dataclass(frozen=True, slots=True)
class MovementPage:
    """A stretch of a ledger, and where the next one begins."""

    items: list[Movement]
    limit: int
    next_cursor: str | None


class MovementQuery(BaseModel):
    """From where on."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 20
    cursor: Cursor | None = None


movement_json = TypeAdapter(Movement).dump_json
movements_json = TypeAdapter(MovementPage).dump_json


def routes(stock: StockService) -> APIRouter:
    """Make the routes for stock and its ledger."""
    router = APIRouter(route_class=StrictRoute, tags=["products"])

    @router.post(
        "/products/{product_id}/restock",
        response_model=Movement,
        responses=problems(404, 409, *BODY),
    )
    async def restock_product(
        request: Request,
        who: Admin,
        product_id: Id,
        delivery: Restock,
        key: OptionalKey = None,
    ) -> Response:
        """Add pieces to the stock; with an Idempotency-Key, a retry adds nothing.

        The answer is the entry in the ledger. It never changes, so a retry gets the same one; the
        stock would be another at each look.
        """
        attempt = None if key is None else attempt_of(request, who, key, delivery)
        restocked = await stock.restock(product_id, delivery.quantity, attempt)
        answer = ok(movement_json(restocked.movement))
        return replayed(answer) if restocked.replayed else answer

    @router.get(
        "/products/{product_id}/movements",
        dependencies=FOR_ADMINS,
        response_model=MovementPage,
        responses=problems(400, 404),
    )
    async def list_movements(product_id: Id, query: Annotated[MovementQuery, Query()]) -> Response:
        """List what changed a product's stock; all of it adds up to the stock there is."""
        found = await stock.movements(product_id, start_of(query.cursor), query.limit)
        return ok(movements_json(MovementPage(found.items, query.limit, cursor_behind(found))))

    return router
