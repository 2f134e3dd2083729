"""Orders: what is asked for, what comes of it, and what it looks like ever after."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from .errors import Conflict, invalid_payload
from .fields import STRICT, Quantity, Reference
from .idempotency import Known


@dataclass(frozen=True, slots=True)
class Line:
    """A product in an order, at the price it was sold for."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order with its lines, by product id."""

    id: int
    user_id: int
    status: str
    total: int
    placed_at: datetime
    items: list[Line]


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as a list shows it, without its lines."""

    id: int
    user_id: int
    status: str
    total: int
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders: in which state, and whose."""

    status: str | None = None
    user_id: int | None = None


class NewLine(BaseModel):
    """One line of an order; its price is the shop's to say."""

    model_config = STRICT

    product_id: Reference
    quantity: Quantity


def each_product_once(lines: list[NewLine]) -> list[NewLine]:
    """Refuse two lines for one product: the client may mean their sum, or the second one."""
    seen: set[int] = set()
    for line in lines:
        if line.product_id in seen:
            raise PydanticCustomError(
                "product_twice",
                "must hold each product once, and holds {product} twice",
                {"product": line.product_id},
            )
        seen.add(line.product_id)
    return lines


class NewOrder(BaseModel):
    """How many of what; for whom, the body has no say in."""

    model_config = STRICT

    items: Annotated[
        list[NewLine], Field(min_length=1, max_length=100), AfterValidator(each_product_once)
    ]


@dataclass(frozen=True, slots=True)
class Placed:
    """What is new about a new order."""

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


def is_of(order: Order, owner: int | None) -> bool:
    """Tell whether an order may be seen by one who sees only the owner's (None: everybody's)."""
    return owner is None or order.user_id == owner


def order_of(user_id: int, placed: Placed, products: Sequence[Locked]) -> Order:
    """Compose the order from what was written."""
    lines = [Line(each.id, each.sku, each.name, each.asked, each.price) for each in products]
    return Order(placed.id, user_id, "placed", placed.total, placed.placed_at, lines)


def refuse_unknown(asked: Sequence[NewLine], found: Sequence[Locked]) -> None:
    """Refuse lines that name no product."""
    known = {product.id for product in found}
    if len(known) < len(asked):
        raise invalid_payload(
            {"field": f"items.{place}.product_id", "message": "There is no such product."}
            for place, line in enumerate(asked)
            if line.product_id not in known
        )


def out_of_stock(products: Sequence[Locked]) -> Conflict:
    """Say of every product that is short how much of it is missing."""
    short = [
        {"product_id": product.id, "asked": product.asked, "available": product.stock}
        for product in products
        if product.stock < product.asked
    ]
    return Conflict("out_of_stock", "Not enough in stock; see shortages.", shortages=short)
