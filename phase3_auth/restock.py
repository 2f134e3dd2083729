"""Pieces that come in: stock and ledger, in a transaction written out by hand.

`conn.transaction()` elsewhere does for any block what `restock` spells out here once.
"""

from typing import cast

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row

from .auth import Admin
from .database import connection
from .errors import BODY, not_found, problems
from .idempotency import (
    Attempt,
    OptionalKey,
    attempt_of,
    lock_key,
    refuse_misuse,
    replayed,
    select_key,
)
from .movements import Movement, movement_json, select_movement
from .responses import ok
from .retrying import retried
from .schemas import Id, Restock
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["products"])


@router.post(
    "/products/{product_id}/restock", response_model=Movement, responses=problems(404, 409, *BODY)
)
async def restock_product(
    request: Request, who: Admin, product_id: Id, delivery: Restock, key: OptionalKey = None
) -> Response:
    """Add pieces to the stock; with an Idempotency-Key, a retry adds nothing.

    The answer is the entry in the ledger. It never changes, so a retry gets the same one; the
    stock would be another at each look.
    """
    attempt = None if key is None else attempt_of(request, who, key, delivery)
    return await retried(lambda: restock(request, product_id, delivery.quantity, attempt))


async def restock(
    request: Request, product_id: int, quantity: int, attempt: Attempt | None
) -> Response:
    """Change stock and ledger together: BEGIN, then COMMIT if all went well, else ROLLBACK.

    Every way out that is not the COMMIT has to pass the ROLLBACK, even one that is no error of
    ours: a service that is stopped cancels what is under way. One way is easily forgotten, which
    is why everywhere else `conn.transaction()` does it.
    """
    async with connection(request) as conn:
        await conn.execute("BEGIN")
        try:
            answer = await write_restock(conn, product_id, quantity, attempt)
        except BaseException:
            if not conn.broken:  # a server that is gone has rolled back by itself
                await conn.execute("ROLLBACK")
            raise
        await conn.execute("COMMIT")
    return answer


async def write_restock(
    conn: AsyncConnection, product_id: int, quantity: int, attempt: Attempt | None
) -> Response:
    """Do the transaction's work; a retry does none and is told what the first attempt did.

    Lock, then look: the second statement sees all that was committed before we had the lock.
    """
    if attempt is not None:
        ours = await lock_key(conn, attempt)
        known = await select_key(conn, attempt)
        refuse_misuse(attempt, known, ours=ours)
        if known is not None:
            movement = await select_movement(conn, cast("int", known.movement_id))
            return replayed(ok(movement_json(movement)))
    movement = await add_stock(conn, product_id, quantity)
    if movement is None:
        raise not_found("product", product_id)
    if attempt is not None:
        await insert_key(conn, attempt, movement.id)
    return ok(movement_json(movement))


# ---------------------------------------------------------------- SQL


async def add_stock(conn: AsyncConnection, product_id: int, quantity: int) -> Movement | None:
    """Add pieces and say so in the ledger.

    More than can be counted break `products_stock_check`.
    """
    cursor = await conn.cursor(row_factory=class_row(Movement)).execute(
        """
        WITH added AS (
            UPDATE products
               SET stock = stock + %(quantity)s
             WHERE id = %(id)s
            RETURNING id
        )
        INSERT INTO stock_movements (product_id, quantity, reason)
        SELECT id, %(quantity)s, 'restock'
          FROM added
        RETURNING id, product_id, quantity, reason, order_id, created_at
        """,
        {"id": product_id, "quantity": quantity},
    )
    return await cursor.fetchone()


async def insert_key(conn: AsyncConnection, attempt: Attempt, movement_id: int) -> None:
    """Write down that this was done, so that it is not done again."""
    await conn.execute(
        """
        INSERT INTO idempotency_keys (user_id, key, fingerprint, movement_id)
        VALUES (%(user_id)s, %(key)s, %(fingerprint)s, %(movement_id)s)
        """,
        {
            "user_id": attempt.user_id,
            "key": attempt.key,
            "fingerprint": attempt.fingerprint,
            "movement_id": movement_id,
        },
    )
