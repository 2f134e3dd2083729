"""Products: their routes, and the SQL the routes run. Their stock changes by movements alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, LiteralString

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import TypeAdapter

from .auth import FOR_ADMINS
from .database import array, connection, containing, page_of, planned_for, sql, the_row
from .errors import BODY, not_found, problems
from .responses import created, ok
from .schemas import Flag, Id, Money, NewProduct, Page, PageQuery, ProductChanges, Search
from .sharing import Batch
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["products"])


@dataclass(frozen=True, slots=True)
class Product:
    """Something to sell, and how many pieces of it there are."""

    id: int
    sku: str
    name: str
    price: int
    stock: int
    created_at: datetime


class ProductQuery(PageQuery):
    """Which products, in which order."""

    q: Search | None = None
    sku: Search | None = None
    price_from: Money | None = None
    price_to: Money | None = None
    in_stock: Flag | None = None
    sort: Literal["id", "-id", "name", "-name", "price", "-price", "stock", "-stock"] = "id"


product_json = TypeAdapter(Product).dump_json
products_json = TypeAdapter(Page[Product]).dump_json

# ---------------------------------------------------------------- routes


@router.get("/products/{product_id}", response_model=Product, responses=problems(404))
async def read_product(request: Request, product_id: Id) -> Response:
    """Show one product."""
    product = await products_by_id.get(request, product_id)
    if product is None:
        raise not_found("product", product_id)
    return ok(product_json(product))


@router.get("/products", response_model=Page[Product], responses=problems(400))
async def list_products(request: Request, query: Annotated[ProductQuery, Query()]) -> Response:
    """Search the products, a page at a time."""
    async with connection(request) as conn:
        page = await select_products(conn, query)
    return ok(products_json(page))


@router.post(
    "/products",
    status_code=201,
    dependencies=FOR_ADMINS,
    response_model=Product,
    responses=problems(409, *BODY),
)
async def create_product(request: Request, new: NewProduct) -> Response:
    """Create a product; the pieces it begins with are the first entry of its ledger."""
    async with connection(request) as conn:
        product = await insert_product(conn, new)
    return created(f"/products/{product.id}", product_json(product))


@router.patch(
    "/products/{product_id}",
    dependencies=FOR_ADMINS,
    response_model=Product,
    responses=problems(404, *BODY),
)
async def change_product(request: Request, product_id: Id, changes: ProductChanges) -> Response:
    """Change name or price; orders that were placed keep theirs."""
    async with connection(request) as conn:
        product = await update_product(conn, product_id, changes)
    if product is None:
        raise not_found("product", product_id)
    return ok(product_json(product))


# ---------------------------------------------------------------- SQL


async def select_products_by_id(
    conn: AsyncConnection, ids: Sequence[int]
) -> dict[int, Product | None]:
    """Find products by their ids; an id without a product has None."""
    cursor = await conn.cursor(row_factory=class_row(Product)).execute(
        """
        SELECT id, sku, name, price, stock, created_at
          FROM products
         WHERE id = ANY(%(ids)s::bigint[])
        """,
        {"ids": array(ids)},
    )
    return dict.fromkeys(ids) | {product.id: product for product in await cursor.fetchall()}


products_by_id = Batch(select_products_by_id)

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


async def select_products(conn: AsyncConnection, query: ProductQuery) -> Page[Product]:
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
    async with planned_for(conn, query.q):
        cursor = await conn.execute(statement, parameters)
        return page_of(await cursor.fetchall(), query, Product)


async def insert_product(conn: AsyncConnection, new: NewProduct) -> Product:
    """Add a product and its first movement; a SKU that is taken breaks `products_sku_key`.

    One statement is a transaction by itself: both rows or none.
    """
    cursor = await conn.cursor(row_factory=class_row(Product)).execute(
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


async def update_product(
    conn: AsyncConnection, product_id: int, changes: ProductChanges
) -> Product | None:
    """Write the given fields over the row as it is at that moment."""
    cursor = await conn.cursor(row_factory=class_row(Product)).execute(
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
