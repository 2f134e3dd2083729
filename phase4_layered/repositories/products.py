"""Products, in PostgreSQL."""

from collections.abc import Sequence
from typing import LiteralString

from psycopg import AsyncConnection
from psycopg.rows import class_row

from ..domain.paging import Page
from ..domain.products import NewProduct, Product, ProductChanges, ProductQuery
from .planning import planned_for
from .sql import array, containing, page_of, sql, the_row

PRODUCT_ORDERS: dict[str, LiteralString] = {
    "id": "listed.id",
    "-id": "listed.id DESC",
    "name": "listed.name, listed.id",
    "-name": "listed.name DESC, listed.id DESC",
    "price": "listed.price, listed.id",
    "-price": "listed.price DESC, listed.id DESC",
    "stock": "listed.stock, listed.id",
    "-stock": "listed.stock DESC, listed.id DESC",
}


class PostgresProducts:
    """The products table; what it says of stock, `PostgresStock` writes."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def by_ids(self, ids: Sequence[int]) -> dict[int, Product | None]:
        """Find products by their ids; an id without a product has None."""
        cursor = await self._conn.cursor(row_factory=class_row(Product)).execute(
            """
            SELECT id, sku, name, price, stock, created_at
              FROM products
             WHERE id = ANY(%(ids)s::bigint[])
            """,
            {"ids": array(ids)},
        )
        return dict.fromkeys(ids) | {product.id: product for product in await cursor.fetchall()}

    async def page(self, query: ProductQuery) -> Page[Product]:
        """Return one page of the products that match, and how many match in all."""
        statement = sql(
            """
            SELECT counted.total,
                   listed.id, listed.sku, listed.name, listed.price, listed.stock, listed.created_at
              FROM (SELECT count(*) AS total
                      FROM products AS listed
                     WHERE {where}) AS counted
              LEFT JOIN (SELECT listed.id, listed.sku, listed.name, listed.price, listed.stock,
                                listed.created_at
                           FROM products AS listed
                          WHERE {where}
                          ORDER BY {order}
                          LIMIT %(limit)s OFFSET %(offset)s) AS listed ON TRUE
             ORDER BY {order}
            """,
            where=products_matching(query),
            order=PRODUCT_ORDERS[query.sort],
        )
        parameters = {**query.model_dump(), "q": containing(query.q)}
        async with planned_for(self._conn, query.q):
            cursor = await self._conn.execute(statement, parameters)
            return page_of(await cursor.fetchall(), query, Product)

    async def add(self, new: NewProduct) -> Product:
        """Add a product and its first movement; a SKU that is taken breaks `products_sku_key`.

        One statement is a transaction by itself: both rows or none.
        """
        cursor = await self._conn.cursor(row_factory=class_row(Product)).execute(
            """
            WITH added AS (
                INSERT INTO products (sku, name, price, stock)
                VALUES (%(sku)s, %(name)s, %(price)s, %(stock)s)
                RETURNING id, sku, name, price, stock, created_at
            ), moved AS (
                INSERT INTO stock_movements (product_id, quantity, reason)
                SELECT id, stock, 'initial'
                  FROM added
                 WHERE stock > 0
            )
            SELECT id, sku, name, price, stock, created_at
              FROM added
            """,
            new.model_dump(),
        )
        return await the_row(cursor)

    async def change(self, product_id: int, changes: ProductChanges) -> Product | None:
        """Write the given fields over the row as it is at that moment."""
        cursor = await self._conn.cursor(row_factory=class_row(Product)).execute(
            """
            UPDATE products
               SET name = COALESCE(%(name)s, name),
                   price = COALESCE(%(price)s, price)
             WHERE id = %(id)s
            RETURNING id, sku, name, price, stock, created_at
            """,
            {"name": None, "price": None, **changes, "id": product_id},
        )
        return await cursor.fetchone()


def products_matching(query: ProductQuery) -> LiteralString:
    """Write the condition with what was asked for, and nothing for what was not."""
    where: LiteralString = "TRUE"
    if query.q is not None:
        where += " AND listed.name ILIKE %(q)s"
    if query.sku is not None:
        where += " AND listed.sku = upper(%(sku)s)"
    if query.price_from is not None:
        where += " AND listed.price >= %(price_from)s"
    if query.price_to is not None:
        where += " AND listed.price <= %(price_to)s"
    if query.in_stock is not None:
        where += " AND (listed.stock > 0) = %(in_stock)s"
    return where
