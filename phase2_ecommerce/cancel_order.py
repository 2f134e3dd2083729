"""Cancelling an order: its pieces come back once, whoever asks for it and how often."""

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection

from .database import connection
from .errors import not_found, problems
from .orders import Order, order_json, select_orders_by_id
from .responses import ok
from .retrying import retried
from .schemas import Id
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["orders"])


@router.post("/orders/{order_id}/cancel", response_model=Order, responses=problems(404, 409))
async def cancel(request: Request, order_id: Id) -> Response:
    """Cancel an order; one that is cancelled already stays so, which is no error.

    It needs no Idempotency-Key, because it says how things shall be and not what to add.
    """
    return await retried(lambda: cancel_order(request, order_id))


async def cancel_order(request: Request, order_id: int) -> Response:
    """Change the status and give back what the order took, in one transaction."""
    async with connection(request) as conn, conn.transaction():
        if await update_to_cancelled(conn, order_id):
            await return_stock(conn, order_id)
        order = (await select_orders_by_id(conn, [order_id]))[order_id]
        if order is None:
            raise not_found("order", order_id)
        return ok(order_json(order))


# ---------------------------------------------------------------- SQL


async def update_to_cancelled(conn: AsyncConnection, order_id: int) -> bool:
    """Cancel a placed order and tell whether it was this call that did.

    Two at once: the second waits for the first, looks at the row again and finds it no longer
    placed. Asking with a SELECT first would let both find it placed.
    """
    cursor = await conn.execute(
        """
        UPDATE orders
           SET status = 'cancelled'
         WHERE id = %(id)s
           AND status = 'placed'
        """,
        {"id": order_id},
    )
    return cursor.rowcount == 1


async def return_stock(conn: AsyncConnection, order_id: int) -> None:
    """Put the pieces of an order back and say so in the ledger, locking in the order of ids."""
    await conn.execute(
        """
        WITH locked AS (
            SELECT products.id, products.stock, line.quantity
              FROM order_items AS line
              JOIN products ON products.id = line.product_id
             WHERE line.order_id = %(id)s
             ORDER BY products.id
               FOR NO KEY UPDATE OF products
        ), returned AS (
            UPDATE products
               SET stock = locked.stock + locked.quantity
              FROM locked
             WHERE products.id = locked.id
        )
        INSERT INTO stock_movements (product_id, quantity, reason, order_id)
        SELECT id, quantity, 'cancel', %(id)s
          FROM locked
        """,
        {"id": order_id},
    )
