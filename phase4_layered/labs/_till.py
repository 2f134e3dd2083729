"""A till: the shop from the command line, for whoever stands at the counter.

    python -m phase4_layered.labs._till               on the database that DATABASE_URL names
    python -m phase4_layered.labs._till --in-memory   on nothing at all

It reads a command from each line and prints what came of it. It is another face of the same
services: what a controller is to HTTP, this is to a terminal, and nothing below knows which it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from phase4_layered.domain.errors import ShopError, not_found
from phase4_layered.domain.idempotency import Attempt
from phase4_layered.domain.identity import Identity
from phase4_layered.domain.orders import NewLine, NewOrder
from phase4_layered.domain.products import NewProduct, Product, ProductQuery, Restock
from phase4_layered.domain.users import NewUser
from phase4_layered.services.orders import OrderService
from phase4_layered.services.products import ProductService
from phase4_layered.services.stock import StockService
from phase4_layered.services.users import UserService

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from phase4_layered.services.ports import Work

    Command = Callable[..., Awaitable[str]]


class Till:
    """A shop assistant's view of the shop: each method is a command."""

    def __init__(self, work: Work, who: Identity) -> None:
        self._products = ProductService(work)
        self._stock = StockService(work)
        self._orders = OrderService(work)
        self._who = who
        self._placed: dict[str, int] = {}  # by the key of an order

    async def product(self, sku: str, name: str, price: str, stock: str = "0") -> str:
        """Begin to sell something."""
        new = NewProduct(sku=sku, name=name, price=int(price), stock=int(stock))
        product = await self._products.create(new)
        return f"{product.sku}: {product.stock} pieces at {product.price}"

    async def restock(self, sku: str, quantity: str, key: str = "") -> str:
        """Take pieces in; with a key, the same delivery counts once."""
        delivery = Restock(quantity=int(quantity))
        attempt = self._attempt(key, "restock", sku, quantity) if key else None
        product = await self._product(sku)
        done = await self._stock.restock(product.id, delivery.quantity, attempt)
        return f"{done.movement.quantity:+} pieces{again(replayed=done.replayed)}"

    async def order(self, key: str, *lines: str) -> str:
        """Sell: each line is QUANTITYxSKU."""
        parts = [line.partition("x") for line in lines]
        found = [(await self._product(sku), int(quantity)) for quantity, _, sku in parts]
        items = [NewLine(product_id=product.id, quantity=count) for product, count in found]
        attempt = self._attempt(key, "order", *lines)
        done = await self._orders.place(attempt, NewOrder(items=items))
        self._placed[key] = done.order.id
        return f"placed, {done.order.total} in all{again(replayed=done.replayed)}"

    async def cancel(self, key: str) -> str:
        """Take back the order with this key."""
        return (await self._orders.cancel(self._who, self._placed.get(key, 0))).status

    async def stock(self, sku: str) -> str:
        """Count the pieces of a product."""
        return f"{(await self._product(sku)).stock} pieces"

    async def _product(self, sku: str) -> Product:
        found = await self._products.page(ProductQuery(sku=sku))
        if not found.items:
            raise not_found("product", sku)
        return found.items[0]

    def _attempt(self, key: str, *words: str) -> Attempt:
        return Attempt(self._who.user_id, key, hashlib.sha256(" ".join(words).encode()).digest())


COMMANDS: dict[str, Command] = {
    "product": Till.product,
    "restock": Till.restock,
    "order": Till.order,
    "cancel": Till.cancel,
    "stock": Till.stock,
}


def again(*, replayed: bool) -> str:
    """Say that something had been done before."""
    return " (as before)" if replayed else ""


def loaded() -> str:
    """Name the libraries that have been loaded, of those that belong to a layer."""
    names = {module.partition(".")[0] for module in sys.modules}
    return ", ".join(sorted(names & {"fastapi", "psycopg"})) or "neither"


async def obey(till: Till, line: str) -> str:
    """Carry out a line; returns what came of it."""
    word, *arguments = shlex.split(line)
    if word not in COMMANDS:
        return f"There is no {word}. There are: {', '.join(COMMANDS)}."
    try:
        return await COMMANDS[word](till, *arguments)
    except ShopError as refusal:
        return f"refused: {refusal.code}"
    except ValidationError as error:
        return f"refused: {error.errors()[0]['loc'][-1]}: {error.errors()[0]['msg']}"
    except (TypeError, ValueError):
        return f"That is not how {word} is used: {COMMANDS[word].__doc__}"


async def open_till(work: Work) -> Till:
    """Open a till for a new assistant."""
    user = await UserService(work).create(NewUser(name="Till", email="till@example.com"))
    return Till(work, Identity(user.id, "admin"))


async def serve(in_memory: bool) -> None:  # noqa: FBT001 -- it is the only thing there is to say
    """Obey standard input to its end."""
    async with kept(in_memory) as work:
        till = await open_till(work)
        for line in sys.stdin:
            if line.strip():
                sys.stdout.write(await obey(till, line) + "\n")


@asynccontextmanager
async def kept(in_memory: bool) -> AsyncGenerator[Work]:  # noqa: FBT001 -- as above
    """Choose where it is all kept: the one place in which the two tills differ."""
    if in_memory:
        from phase4_layered.tests.in_memory.store import Store  # noqa: PLC0415 -- the other needs none
        from phase4_layered.tests.in_memory.unit_of_work import InMemoryWork  # noqa: PLC0415

        yield InMemoryWork(Store())
        return
    from phase4_layered.repositories.database import Database  # noqa: PLC0415 -- nor this one
    from phase4_layered.settings import from_environment  # noqa: PLC0415

    database = Database(from_environment())
    await database.open()
    try:
        yield database.unit_of_work
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(serve("--in-memory" in sys.argv))
    if "--loaded" in sys.argv:
        sys.stdout.write(f"{loaded()}\n")
