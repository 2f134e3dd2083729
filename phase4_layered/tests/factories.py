"""People, products and orders to test with, made through whatever keeps them."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from phase4_layered.domain.idempotency import Attempt
from phase4_layered.domain.orders import NewLine, NewOrder
from phase4_layered.domain.products import NewProduct
from phase4_layered.domain.users import NewUser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phase4_layered.domain.orders import Order
    from phase4_layered.domain.products import Product
    from phase4_layered.domain.users import User
    from phase4_layered.services.ports import Work


async def a_user(work: Work, name: str = "Ada", email: str | None = None) -> User:
    """Add a user, with an e-mail that nobody has if none is given."""
    email = email or f"{secrets.token_hex(8)}@example.com"
    async with work() as unit:
        return await unit.users.add(NewUser(name=name, email=email))


async def a_product(
    work: Work, *, stock: int = 10, price: int = 250, name: str = "Tea", sku: str | None = None
) -> Product:
    """Add a product, with a SKU that nobody has if none is given."""
    sku = sku or f"SKU-{secrets.token_hex(8).upper()}"
    async with work() as unit:
        return await unit.products.add(NewProduct(sku=sku, name=name, price=price, stock=stock))


async def an_order(work: Work, user_id: int, items: Mapping[int, int]) -> Order:
    """Place an order for as many pieces of each product; there have to be enough of them."""
    async with work() as unit:
        outcome = await unit.orders.place(an_attempt(user_id), asking_for(items))
        assert outcome.placed is not None, outcome
        order = (await unit.orders.by_ids([outcome.placed.id]))[outcome.placed.id]
    assert order is not None
    return order


def asking_for(items: Mapping[int, int]) -> NewOrder:
    """Ask for as many pieces of each product."""
    lines = [NewLine(product_id=each, quantity=quantity) for each, quantity in items.items()]
    return NewOrder(items=lines)


def an_attempt(user_id: int, key: str | None = None, request: str = "this") -> Attempt:
    """Make an attempt, with a key that nobody has used if none is given."""
    fingerprint = hashlib.sha256(request.encode()).digest()
    return Attempt(user_id, key or secrets.token_hex(16), fingerprint)


async def stock_of(work: Work, product_id: int) -> int:
    """Ask how many pieces of a product there are."""
    async with work() as unit:
        product = (await unit.products.by_ids([product_id]))[product_id]
    assert product is not None
    return product.stock
