"""Products: what is sold, and at what price."""

from ..domain.errors import not_found
from ..domain.paging import Page
from ..domain.products import NewProduct, Product, ProductChanges, ProductQuery
from .ports import Work
from .sharing import Batch


class ProductService:
    """What can be done with products."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._by_id = Batch(work, lambda work, ids: work.products.by_ids(ids))

    async def find(self, product_id: int) -> Product:
        """Show one product; raises NotFound."""
        product = await self._by_id.get(product_id)
        if product is None:
            raise not_found("product", product_id)
        return product

    async def page(self, query: ProductQuery) -> Page[Product]:
        """Search the products, a page at a time."""
        async with self._work() as work:
            return await work.products.page(query)

    async def create(self, new: NewProduct) -> Product:
        """Create a product; the pieces it begins with are the first entry of its ledger.

        Raises Conflict for a SKU that is taken.
        """
        async with self._work() as work:
            return await work.products.add(new)

    async def change(self, product_id: int, changes: ProductChanges) -> Product:
        """Change name or price; orders that were placed keep theirs. Raises NotFound."""
        async with self._work() as work:
            product = await work.products.change(product_id, changes)
        if product is None:
            raise not_found("product", product_id)
        return product
