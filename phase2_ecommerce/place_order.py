"""Placing an order: all of it or nothing, whoever else is at it and whatever dies half-way.

The one transaction this phase is about, from top to bottom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row

from .database import connection, the_row
from .errors import BODY, Problem, invalid_payload, problems
from .idempotency import Attempt, IdempotencyKey, attempt_of, claim, keep
from .orders import Line, Order, order_json
from .responses import created
from .retrying import retried
from .schemas import NewLine, NewOrder
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["orders"])


@router.post("/orders", status_code=201, response_model=Order, responses=problems(409, *BODY))
async def create_order(request: Request, key: IdempotencyKey, new: NewOrder) -> Response:
    """Place an order: every line of it, or none."""
    attempt = attempt_of(request, key, new)
    return await retried(lambda: place_order(request, attempt, new))


async def place_order(request: Request, attempt: Attempt, new: NewOrder) -> Response:
    """Take the stock, write the order and keep the answer, in one transaction.

    Leaving the block commits; an exception anywhere inside rolls all of it back, as PostgreSQL
    itself does when the connection or the process dies. The answer leaves after the COMMIT: what
    a client is told has happened.
    """
    async with connection(request) as conn, conn.transaction():
        if (earlier := await claim(conn, attempt)) is not None:
            return earlier
        lines = await take_stock(conn, new.items)
        refuse_unknown(new.items, lines)
        refuse_short(lines)
        order = await insert_order(conn, new.user_id, lines)
        return await keep(conn, attempt, created(f"/orders/{order.id}", order_json(order)))


@dataclass(frozen=True, slots=True)
class Locked:
    """A product as it is while we hold it, and how many pieces of it are asked for."""

    id: int
    sku: str
    name: str
    price: int
    stock: int
    asked: int


@dataclass(frozen=True, slots=True)
class Placed:
    """What the database says about a new order."""

    id: int
    status: str
    placed_at: datetime


def refuse_unknown(asked: Sequence[NewLine], locked: Sequence[Locked]) -> None:
    """Refuse lines that name no product."""
    known = {product.id for product in locked}
    if len(known) < len(asked):
        raise invalid_payload(
            {"field": f"items.{place}.product_id", "message": "There is no such product."}
            for place, line in enumerate(asked)
            if line.product_id not in known
        )


def refuse_short(locked: Sequence[Locked]) -> None:
    """Refuse an order that cannot be filled, and say of every product how much is missing."""
    short = [
        {"product_id": product.id, "asked": product.asked, "available": product.stock}
        for product in locked
        if product.stock < product.asked
    ]
    if short:
        detail = "Not enough in stock; see shortages."
        raise Problem(409, "out_of_stock", detail, shortages=short)


# ---------------------------------------------------------------- SQL


async def take_stock(conn: AsyncConnection, items: Sequence[NewLine]) -> list[Locked]:
    """Lock the products, and take the pieces if there are enough of every one.

    Locked in the order of their ids: two orders for the same products, whichever way round, queue
    up at the lowest id and cannot wait for each other. FOR NO KEY UPDATE is the lock an UPDATE of
    stock takes; FOR UPDATE would block the foreign keys of others as well.

    Whoever waited sees the stock that the one before left: PostgreSQL reads a row anew once it has
    the lock. What a SELECT without a lock had shown would be history by then.
    """
    cursor = await conn.cursor(row_factory=class_row(Locked)).execute(
        """
        WITH locked AS (
            SELECT products.id, products.sku, products.name, products.price, products.stock,
                   asked.quantity AS asked
              FROM unnest(%(ids)s::bigint[], %(quantities)s::bigint[]) AS asked (id, quantity)
              JOIN products ON products.id = asked.id
             ORDER BY products.id
               FOR NO KEY UPDATE OF products
        ), taken AS (
            UPDATE products
               SET stock = products.stock - locked.asked
              FROM locked
             WHERE products.id = locked.id
               AND (SELECT count(*) FROM locked WHERE stock >= asked) = cardinality(%(ids)s)
        )
        SELECT id, sku, name, price, stock, asked
          FROM locked
         ORDER BY id
        """,
        {
            "ids": [line.product_id for line in items],
            "quantities": [line.quantity for line in items],
        },
    )
    return await cursor.fetchall()


async def insert_order(conn: AsyncConnection, user_id: int, lines: Sequence[Locked]) -> Order:
    """Write the order, its lines and the ledger; an unknown user breaks `orders_user_id_fkey`.

    The price of each line is what it was under the lock.
    """
    total = sum(line.price * line.asked for line in lines)
    cursor = await conn.cursor(row_factory=class_row(Placed)).execute(
        """
        WITH placed AS (
            INSERT INTO orders (user_id, total)
            VALUES (%(user_id)s, %(total)s)
            RETURNING id, status, placed_at
        ), written AS (
            INSERT INTO order_items (order_id, product_id, quantity, unit_price)
            SELECT placed.id, line.product_id, line.quantity, line.unit_price
              FROM placed
             CROSS JOIN unnest(%(ids)s::bigint[], %(quantities)s::bigint[], %(prices)s::bigint[])
                        AS line (product_id, quantity, unit_price)
            RETURNING order_id, product_id, quantity
        ), moved AS (
            INSERT INTO stock_movements (product_id, quantity, reason, order_id)
            SELECT product_id, -quantity, 'order', order_id
              FROM written
        )
        SELECT id, status, placed_at
          FROM placed
        """,
        {
            "user_id": user_id,
            "total": total,
            "ids": [line.id for line in lines],
            "quantities": [line.asked for line in lines],
            "prices": [line.price for line in lines],
        },
    )
    placed = await the_row(cursor)
    items = [Line(line.id, line.sku, line.name, line.asked, line.price) for line in lines]
    return Order(placed.id, user_id, placed.status, total, placed.placed_at, items)
