"""The ledger of a product: every change of its stock, with its reason, newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict, TypeAdapter

from .cursors import START, Cursor, Place, cursor_of, place_of
from .database import connection, the_row
from .errors import not_found, problems
from .responses import ok
from .schemas import Id, Limit
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["products"])


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a product's stock: an entry of its ledger."""

    id: int
    product_id: int
    quantity: int
    reason: str
    order_id: int | None
    created_at: datetime


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


@router.get(
    "/products/{product_id}/movements", response_model=MovementPage, responses=problems(400, 404)
)
async def list_movements(
    request: Request, product_id: Id, query: Annotated[MovementQuery, Query()]
) -> Response:
    """List what changed a product's stock; all of it adds up to the stock there is."""
    async with connection(request) as conn:
        movements = await select_movements(conn, product_id, query)
    if movements is None:
        raise not_found("product", product_id)
    last = movements[query.limit - 1] if len(movements) > query.limit else None
    next_cursor = last and cursor_of(Place(last.created_at, last.id))
    return ok(movements_json(MovementPage(movements[: query.limit], query.limit, next_cursor)))


async def select_movements(
    conn: AsyncConnection, product_id: int, query: MovementQuery
) -> list[Movement] | None:
    """Return the page's movements and one more if there is one; None if there is no such product.

    The LEFT JOIN tells a product without movements from no product, in one query. In the order of
    ids, which is the order in which movements were written: those of one product wait for each
    other at its row.
    """
    after = START if query.cursor is None else place_of(query.cursor)
    cursor = await conn.execute(
        """
        SELECT moved.id, moved.product_id, moved.quantity, moved.reason, moved.order_id,
               moved.created_at
          FROM products
          LEFT JOIN LATERAL (
               SELECT id, product_id, quantity, reason, order_id, created_at
                 FROM stock_movements
                WHERE product_id = products.id
                  AND id < %(after)s
                ORDER BY id DESC
                LIMIT %(limit)s) AS moved ON TRUE
         WHERE products.id = %(product_id)s
         ORDER BY moved.id DESC
        """,
        {"product_id": product_id, "after": after.id, "limit": query.limit + 1},
    )
    rows = await cursor.fetchall()
    return [Movement(*row) for row in rows if row[0] is not None] if rows else None


async def select_movement(conn: AsyncConnection, movement_id: int) -> Movement:
    """Return an entry of the ledger, which stays there for ever."""
    cursor = await conn.cursor(row_factory=class_row(Movement)).execute(
        """
        SELECT id, product_id, quantity, reason, order_id, created_at
          FROM stock_movements
         WHERE id = %(id)s
        """,
        {"id": movement_id},
    )
    return await the_row(cursor)
