"""Orders, over HTTP."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, TypeAdapter

from ..domain.fields import Limit, UserId
from ..domain.orders import ListedOrder, NewOrder, Order, OrderFilter
from ..services.orders import OrderService
from .auth import CurrentUser
from .cursors import Cursor, cursor_behind, start_of
from .errors import BODY, problems
from .idempotency import IdempotencyKey, attempt_of, replayed
from .path import Id
from .responses import created, ok
from .strict import StrictRoute


@dataclass(frozen=True, slots=True)
class OrderPage:
    """A stretch of a list of orders, and where the next one begins."""

    items: list[ListedOrder]
    limit: int
    next_cursor: str | None


class OrderQuery(BaseModel):
    """Whose orders, in which state, and from where on."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 20
    cursor: Cursor | None = None
    user_id: UserId | None = None
    status: Literal["placed", "cancelled"] | None = None


order_json = TypeAdapter(Order).dump_json
orders_json = TypeAdapter(OrderPage).dump_json


def routes(orders: OrderService) -> APIRouter:
    """Make the routes for orders."""
    router = APIRouter(route_class=StrictRoute, tags=["orders"])

    @router.post("/orders", status_code=201, response_model=Order, responses=problems(409, *BODY))
    async def create_order(
        request: Request, who: CurrentUser, key: IdempotencyKey, new: NewOrder
    ) -> Response:
        """Place an order: every line of it, or none."""
        placed = await orders.place(attempt_of(request, who, key, new), new)
        answer = created(f"/orders/{placed.order.id}", order_json(placed.order))
        return replayed(answer) if placed.replayed else answer

    @router.get("/orders/{order_id}", response_model=Order, responses=problems(404))
    async def read_order(who: CurrentUser, order_id: Id) -> Response:
        """Show an order with its lines; another user's is as unknown as one that never was."""
        return ok(order_json(await orders.find(who, order_id)))

    @router.get("/orders", response_model=OrderPage, responses=problems(400))
    async def list_orders(who: CurrentUser, query: Annotated[OrderQuery, Query()]) -> Response:
        """List the orders that one may see, the newest first, or those after the cursor."""
        wanted = OrderFilter(query.status, query.user_id)
        found = await orders.newest(who, wanted, start_of(query.cursor), query.limit)
        return ok(orders_json(OrderPage(found.items, query.limit, cursor_behind(found))))

    @router.post("/orders/{order_id}/cancel", response_model=Order, responses=problems(404, 409))
    async def cancel(who: CurrentUser, order_id: Id) -> Response:
        """Cancel an order of one's own; one that is cancelled already stays so, which is no error.

        It needs no Idempotency-Key, because it says how things shall be and not what to add.
        """
        return ok(order_json(await orders.cancel(who, order_id)))

    return router
