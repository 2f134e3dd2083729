"""Products, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.products import Product

from .paging import page_of
from .refusals import sku_taken
from .stock import move
from .text import contains, upper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phase4_layered.domain.paging import Page
    from phase4_layered.domain.products import NewProduct, ProductChanges, ProductQuery

    from .store import Store


class InMemoryProducts:
    """The products table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def by_ids(self, ids: Sequence[int]) -> dict[int, Product | None]:
        """Find products by their ids; an id without a product has None."""
        return {each: self._store.tables.products.get(each) for each in ids}

    async def page(self, query: ProductQuery) -> Page[Product]:
        """Return one page of the products that match, and how many match in all."""
        products = self._store.tables.products.values()
        return page_of((each for each in products if matches(each, query)), query, query.sort)

    async def add(self, new: NewProduct) -> Product:
        """Add a product and its first movement; raises Conflict for a SKU that is taken."""
        products = self._store.tables.products
        if any(product.sku == new.sku for product in products.values()):
            raise sku_taken()
        added = self._store.next_id()
        products[added] = Product(added, new.sku, new.name, new.price, 0, self._store.clock())
        if new.stock:
            move(self._store, {added: new.stock}, "initial")
        return products[added]

    async def change(self, product_id: int, changes: ProductChanges) -> Product | None:
        """Change the given fields and leave the others; None if there is no such product."""
        products = self._store.tables.products
        if product_id not in products:
            return None
        products[product_id] = replace(products[product_id], **changes)
        return products[product_id]


def matches(product: Product, query: ProductQuery) -> bool:
    """Tell whether a product is one of those that were asked for."""
    return (
        contains(product.name, query.q)
        and (query.sku is None or product.sku == upper(query.sku))
        and (query.price_from is None or product.price >= query.price_from)
        and (query.price_to is None or product.price <= query.price_to)
        and (query.in_stock is None or (product.stock > 0) == query.in_stock)
    )
