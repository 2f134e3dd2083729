"""Orders as they are read: one with its lines, and lists newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, LiteralString

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, TypeAdapter

from .cursors import START, Cursor, Place, cursor_of, place_of
from .database import array, connection, sql
from .errors import not_found, problems
from .responses import ok
from .schemas import Id, Limit, UserId
from .sharing import Batch
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["orders"])


@dataclass(frozen=True, slots=True)
class Line:
    """A product in an order, at the price it was sold for."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order with its lines, by product id."""

    id: int
    user_id: int
    status: str
    total: int
    placed_at: datetime
    items: list[Line]


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as a list shows it, without its lines."""

    id: int
    user_id: int
    status: str
    total: int
    placed_at: datetime


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

# ---------------------------------------------------------------- routes


@router.get("/orders/{order_id}", response_model=Order, responses=problems(404))
async def read_order(request: Request, order_id: Id) -> Response:
    """Show an order with its lines."""
    order = await orders_by_id.get(request, order_id)
    if order is None:
        raise not_found("order", order_id)
    return ok(order_json(order))


@router.get("/orders", response_model=OrderPage, responses=problems(400))
async def list_orders(request: Request, query: Annotated[OrderQuery, Query()]) -> Response:
    """List orders, the newest first, or those after the cursor."""
    async with connection(request) as conn:
        orders = await select_orders(conn, query)
    return ok(orders_json(page_of_orders(query.limit, orders)))


def page_of_orders(limit: int, orders: list[ListedOrder]) -> OrderPage:
    """Make a page of as many orders, and one more if the list goes on."""
    last = orders[limit - 1] if len(orders) > limit else None
    next_cursor = last and cursor_of(Place(last.placed_at, last.id))
    return OrderPage(orders[:limit], limit, next_cursor)


# ---------------------------------------------------------------- SQL


async def select_orders_by_id(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, Order | None]:
    """Find orders with their lines, all in one round trip; an id without an order has None.

    The join gives a row for each line. Asking for the order first and for its lines second would
    be two round trips, with room for a change in between.
    """
    cursor = await conn.execute(
        """
        SELECT orders.id, orders.user_id, orders.status, orders.total, orders.placed_at,
               line.product_id, products.sku, line.name, line.quantity, line.unit_price
          FROM orders
          JOIN order_items AS line ON line.order_id = orders.id
          JOIN products ON products.id = line.product_id
         WHERE orders.id = ANY(%(ids)s::bigint[])
         ORDER BY orders.id, line.product_id
        """,
        {"ids": array(ids)},
    )
    found: dict[int, Order | None] = dict.fromkeys(ids)
    for order_id, user_id, status, total, placed_at, *line in await cursor.fetchall():
        order = found[order_id] or Order(order_id, user_id, status, total, placed_at, [])
        order.items.append(Line(*line))
        found[order_id] = order
    return found


orders_by_id = Batch(select_orders_by_id)


# Literals and no parameter: a plan for all values couldn't use an index of cancelled orders alone.
ORDERS_IN_STATUS: dict[str, LiteralString] = {
    "placed": " AND status = 'placed'",
    "cancelled": " AND status = 'cancelled'",
}


def orders_matching(query: OrderQuery) -> LiteralString:
    """Write the conditions for what was asked for, and nothing for what was not."""
    where: LiteralString = ""
    if query.user_id is not None:
        where += " AND user_id = %(user_id)s"
    if query.status is not None:
        where += ORDERS_IN_STATUS[query.status]
    return where


async def select_orders(conn: AsyncConnection, query: OrderQuery) -> list[ListedOrder]:
    """Return the page's orders, and one more if there is one."""
    after = START if query.cursor is None else place_of(query.cursor)
    statement = sql(
        """
        SELECT id, user_id, status, total, placed_at
          FROM orders
         WHERE (placed_at, id) < (%(time)s, %(id)s) {filters}
         ORDER BY placed_at DESC, id DESC
         LIMIT %(limit)s
        """,
        filters=orders_matching(query),
    )
    parameters = {
        "time": after.time,
        "id": after.id,
        "limit": query.limit + 1,
        "user_id": query.user_id,
    }
    cursor = await conn.cursor(row_factory=class_row(ListedOrder)).execute(statement, parameters)
    return await cursor.fetchall()
