"""Products, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from ..domain.paging import Page
from ..domain.products import NewProduct, Product, ProductChanges, ProductQuery
from ..services.products import ProductService
from .auth import FOR_ADMINS
from .errors import BODY, problems
from .path import Id
from .responses import created, ok
from .strict import StrictRoute

product_json = TypeAdapter(Product).dump_json
products_json = TypeAdapter(Page[Product]).dump_json


def routes(products: ProductService) -> APIRouter:
    """Make the routes for products."""
    router = APIRouter(route_class=StrictRoute, tags=["products"])

    @router.get("/products/{product_id}", response_model=Product, responses=problems(404))
    async def read_product(product_id: Id) -> Response:
        """Show one product."""
        return ok(product_json(await products.find(product_id)))

    @router.get("/products", response_model=Page[Product], responses=problems(400))
    async def list_products(query: Annotated[ProductQuery, Query()]) -> Response:
        """Search the products, a page at a time."""
        return ok(products_json(await products.page(query)))

    @router.post(
        "/products",
        status_code=201,
        dependencies=FOR_ADMINS,
        response_model=Product,
        responses=problems(409, *BODY),
    )
    async def create_product(new: NewProduct) -> Response:
        """Create a product; the pieces it begins with are the first entry of its ledger."""
        product = await products.create(new)
        return created(f"/products/{product.id}", product_json(product))

    @router.patch(
        "/products/{product_id}",
        dependencies=FOR_ADMINS,
        response_model=Product,
        responses=problems(404, *BODY),
    )
    async def change_product(product_id: Id, changes: ProductChanges) -> Response:
        """Change name or price; orders that were placed keep theirs."""
        return ok(product_json(await products.change(product_id, changes)))

    return router
