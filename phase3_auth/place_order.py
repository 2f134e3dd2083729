"""Placing an order: all of it or nothing, whoever else is at it and whatever dies half-way.

It is a single statement, which PostgreSQL begins and commits by itself. Step by step, with BEGIN
and COMMIT, it would hold its locks for as many round trips.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from .auth import CurrentUser
from .database import array, connection
from .errors import BODY, Problem, invalid_payload, problems
from .idempotency import (
    Attempt,
    IdempotencyKey,
    Known,
    attempt_of,
    refuse_misuse,
    replayed,
    select_key,
)
from .orders import Line, Order, order_json, select_orders_by_id
from .responses import created
from .retrying import TryAgain, retried
from .schemas import NewLine, NewOrder
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["orders"])


@dataclass(frozen=True, slots=True)
class Placed:
    """What the database says about a new order."""

    id: int
    total: int
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class Locked:
    """A product as it was under our lock, and how many pieces of it are asked for."""

    id: int
    sku: str
    name: str
    price: int
    stock: int
    asked: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an order: it was placed, or its key was not free, or something is amiss."""

    ours: bool
    known: Known | None
    placed: Placed | None
    products: list[Locked]


@router.post("/orders", status_code=201, response_model=Order, responses=problems(409, *BODY))
async def create_order(
    request: Request, who: CurrentUser, key: IdempotencyKey, new: NewOrder
) -> Response:
    """Place an order: every line of it, or none."""
    attempt = attempt_of(request, who, key, new)
    return await retried(lambda: place_order(request, attempt, new))


async def place_order(request: Request, attempt: Attempt, new: NewOrder) -> Response:
    """Place an order once; the answer leaves after the COMMIT: what a client is told has happened.

    If the statement fails, nothing of it remains. If this process or its connection dies meanwhile,
    PostgreSQL may not even notice: it carries the statement out whole, or gives it up whole. The
    client, who heard nothing, asks again with the same key.
    """
    async with connection(request) as conn:
        with looking_again():
            outcome = await insert_order(conn, attempt, new)
        if outcome.placed is not None:
            return answer(order_of(attempt.user_id, outcome.placed, outcome.products))
        refuse_misuse(attempt, outcome.known, ours=outcome.ours)
        if outcome.known is not None:
            return await answer_again(conn, cast("int", outcome.known.order_id))
        # What is missing may have gone to this very order: to an earlier attempt that committed
        # after our look for the key and before our locks.
        if await select_key(conn, attempt) is not None:
            raise TryAgain
    refuse_unknown(new.items, outcome.products)
    raise out_of_stock(outcome.products)


@contextmanager
def looking_again() -> Generator[None]:
    """Try all of it again if the key turns out to be there, though nobody seemed to have it.

    Lock and look are one statement here, and what it sees is what was committed when it began: it
    may get the lock from one who committed a moment later. The lock spares those who come at once
    the waiting; what keeps them from counting twice is the primary key.
    """
    try:
        yield
    except UniqueViolation as error:
        if error.diag.constraint_name == "idempotency_keys_pkey":
            raise TryAgain from error
        raise


def order_of(user_id: int, placed: Placed, products: Sequence[Locked]) -> Order:
    """Compose the order from what was written."""
    lines = [Line(each.id, each.sku, each.name, each.asked, each.price) for each in products]
    return Order(placed.id, user_id, "placed", placed.total, placed.placed_at, lines)


def answer(order: Order) -> Response:
    """Answer 201 with the order as it was placed."""
    return created(f"/orders/{order.id}", order_json(order))


async def answer_again(conn: AsyncConnection, order_id: int) -> Response:
    """Give the same answer once more, whatever became of the order since.

    Nothing of an order changes but its status, so all that was answered is still there to be read.
    """
    found = await select_orders_by_id(conn, [order_id])
    order = cast("Order", found[order_id])  # idempotency_keys_order_id_fkey keeps it
    return replayed(answer(replace(order, status="placed")))


def refuse_unknown(asked: Sequence[NewLine], found: Sequence[Locked]) -> None:
    """Refuse lines that name no product."""
    known = {product.id for product in found}
    if len(known) < len(asked):
        raise invalid_payload(
            {"field": f"items.{place}.product_id", "message": "There is no such product."}
            for place, line in enumerate(asked)
            if line.product_id not in known
        )


def out_of_stock(products: Sequence[Locked]) -> Problem:
    """409: say of every product that is short how much of it is missing."""
    short = [
        {"product_id": product.id, "asked": product.asked, "available": product.stock}
        for product in products
        if product.stock < product.asked
    ]
    return Problem(409, "out_of_stock", "Not enough in stock; see shortages.", shortages=short)


# ---------------------------------------------------------------- SQL


async def insert_order(conn: AsyncConnection, attempt: Attempt, new: NewOrder) -> Outcome:
    """Place the order if its key is free, all its products are known and there are enough of each.

    Read it from top to bottom; each step sees only what the ones above it hand down.

    Products are locked in the order of their ids: two orders for the same products, whichever way
    round, queue up at the lowest id and cannot wait for each other. FOR NO KEY UPDATE is the lock
    an UPDATE of stock takes; FOR UPDATE would block the foreign keys of others as well. Whoever
    waited for the lock sees the stock that the one before left, because PostgreSQL then reads the
    row anew. What a SELECT without a lock had shown would be history by then.

    So the stock to lower is the one in `locked`. A plain `stock - quantity` would begin with the
    row as it was before the wait, and `products_stock_check` would judge that figure first.

    A user who is gone by now breaks `orders_user_id_fkey`, a key that is taken
    `idempotency_keys_pkey`.
    """
    cursor = await conn.execute(
        """
        WITH claimed AS MATERIALIZED (
            SELECT pg_try_advisory_xact_lock(hashtextextended(asked.key, asked.user_id)) AS ours,
                   known.fingerprint, known.order_id, known.movement_id
              FROM (VALUES (%(user_id)s::bigint, %(key)s)) AS asked (user_id, key)
              LEFT JOIN idempotency_keys AS known
                     ON known.user_id = asked.user_id
                    AND known.key = asked.key
        ), locked AS (
            SELECT products.id, products.sku, products.name, products.price, products.stock,
                   asked.quantity
              FROM unnest(%(ids)s::bigint[], %(quantities)s::bigint[]) AS asked (id, quantity)
              JOIN products ON products.id = asked.id
             WHERE (SELECT ours AND fingerprint IS NULL FROM claimed)
             ORDER BY products.id
               FOR NO KEY UPDATE OF products
        ), filled AS (
            SELECT sum(quantity * price)::bigint AS total
              FROM locked
            HAVING count(*) = cardinality(%(ids)s::bigint[])
               AND bool_and(quantity <= stock)
        ), placed AS (
            INSERT INTO orders (user_id, total)
            SELECT %(user_id)s, total
              FROM filled
            RETURNING id, total, placed_at
        ), lines AS (
            INSERT INTO order_items (order_id, product_id, quantity, name, unit_price)
            SELECT placed.id, locked.id, locked.quantity, locked.name, locked.price
              FROM placed
             CROSS JOIN locked
            RETURNING order_id, product_id, quantity
        ), taken AS (
            UPDATE products
               SET stock = locked.stock - locked.quantity
              FROM placed
             CROSS JOIN locked
             WHERE products.id = locked.id
        ), moved AS (
            INSERT INTO stock_movements (product_id, quantity, reason, order_id)
            SELECT product_id, -quantity, 'order', order_id
              FROM lines
        ), kept AS (
            INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id)
            SELECT %(user_id)s, %(key)s, %(fingerprint)s, id
              FROM placed
        )
        SELECT claimed.ours, claimed.fingerprint, claimed.order_id, claimed.movement_id,
               placed.id, placed.total, placed.placed_at,
               locked.id, locked.sku, locked.name, locked.price, locked.stock, locked.quantity
          FROM claimed
          LEFT JOIN placed ON TRUE
          LEFT JOIN locked ON TRUE
         ORDER BY locked.id
        """,
        {
            "key": attempt.key,
            "fingerprint": attempt.fingerprint,
            "user_id": attempt.user_id,
            "ids": array(line.product_id for line in new.items),
            "quantities": array(line.quantity for line in new.items),
        },
    )
    rows = await cursor.fetchall()
    ours, known, placed = rows[0][0], rows[0][1:4], rows[0][4:7]
    return Outcome(
        ours,
        None if known[0] is None else Known(*known),
        None if placed[0] is None else Placed(*placed),
        [Locked(*row[7:]) for row in rows if row[7] is not None],
    )
