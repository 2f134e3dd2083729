"""Pieces that come in: stock and ledger, in a transaction written out by hand.

`conn.transaction()` elsewhere does for any block what `restock` spells out here once.
"""

from typing import cast

from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row

from .database import connection
from .errors import BODY, not_found, problems
from .idempotency import (
    Attempt,
    OptionalKey,
    attempt_of,
    insert_key,
    looking_again,
    replayed,
    select_claim,
    was_answered,
)
from .products import Product, product_json, select_products_by_id
from .responses import ok
from .retrying import retried
from .schemas import Id, Restock
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["products"])


@router.post(
    "/products/{product_id}/restock", response_model=Product, responses=problems(404, 409, *BODY)
)
async def restock_product(
    request: Request, product_id: Id, delivery: Restock, key: OptionalKey = None
) -> Response:
    """Add pieces to the stock; with an Idempotency-Key, a retry adds nothing."""
    attempt = key and attempt_of(request, key, delivery)
    return await retried(lambda: restock(request, product_id, delivery.quantity, attempt or None))


async def restock(
    request: Request, product_id: int, quantity: int, attempt: Attempt | None
) -> Response:
    """Change stock and ledger together: BEGIN, then COMMIT if all went well, else ROLLBACK.

    Every way out that is not the COMMIT has to pass the ROLLBACK, even one that is no error of
    ours, such as a client that hangs up. Forgetting one way is why nobody writes this twice.
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
    """Do the transaction's work; a retry does none and is told how things are."""
    if attempt and was_answered(await select_claim(conn, attempt.key), attempt):
        found = await select_products_by_id(conn, [product_id])
        product = cast("Product", found[product_id])  # nobody deletes products
        return replayed(ok(product_json(product)))
    if attempt:
        with looking_again():
            await insert_key(conn, attempt)
    product = await add_stock(conn, product_id, quantity)
    if product is None:
        raise not_found("product", product_id)
    return ok(product_json(product))


# ---------------------------------------------------------------- SQL


async def add_stock(conn: AsyncConnection, product_id: int, quantity: int) -> Product | None:
    """Add pieces and say so in the ledger."""
    cursor = await conn.cursor(row_factory=class_row(Product)).execute(
        """
        WITH added AS (
            UPDATE products
               SET stock = stock + %(quantity)s
             WHERE id = %(id)s
            RETURNING id, sku, name, price, stock, created_at
        ), moved AS (
            INSERT INTO stock_movements (product_id, quantity, reason)
            SELECT id, %(quantity)s, 'restock'
              FROM added
        )
        SELECT id, sku, name, price, stock, created_at
          FROM added
        """,
        {"id": product_id, "quantity": quantity},
    )
    return await cursor.fetchone()
