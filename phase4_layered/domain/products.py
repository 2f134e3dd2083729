"""Products; their stock changes by movements alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, with_config
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from .fields import STRICT, Flag, Money, Price, ProductName, Search, Sku, Stock
from .paging import PageQuery


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


class NewProduct(BaseModel):
    """A product, and how many pieces of it there are at first."""

    model_config = STRICT

    sku: Sku
    name: ProductName
    price: Price
    stock: Stock = 0


@with_config(STRICT)
class ProductChanges(TypedDict, total=False):
    """What of a product can change: stock only by movements, and the SKU is what it is known by."""

    name: ProductName
    price: Price


class Restock(BaseModel):
    """Pieces that came in."""

    model_config = STRICT

    quantity: Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of a product's stock: an entry of its ledger."""

    id: int
    product_id: int
    quantity: int
    reason: str
    order_id: int | None
    created_at: datetime
