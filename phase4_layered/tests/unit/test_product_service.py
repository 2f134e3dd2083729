"""Products: what is sold, and at what price."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict, NotFound
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.products import NewProduct, ProductQuery
from phase4_layered.services.products import ProductService
from phase4_layered.tests.factories import a_product

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(work: Work) -> ProductService:
    """Serve the shop in memory."""
    return ProductService(work)


async def test_a_product_is_found_by_id(work: Work, service: ProductService) -> None:
    tea = await a_product(work)

    assert await service.find(tea.id) == tea


async def test_what_is_not_sold_is_not_found(service: ProductService) -> None:
    with pytest.raises(NotFound) as refusal:
        await service.find(NOTHING)

    assert refusal.value.code == "product_not_found"


async def test_products_are_searched_a_page_at_a_time(work: Work, service: ProductService) -> None:
    _, teapot, _ = [await a_product(work, name=name) for name in ("Tea", "Teapot", "Cup")]

    page = await service.page(ProductQuery(q="TEA", limit=1, offset=1))

    assert (page.items, page.total) == ([teapot], 2)


async def test_a_created_product_is_there(service: ProductService) -> None:
    created = await service.create(NewProduct(sku="TEA-1", name="Tea", price=250, stock=3))

    assert (created.sku, created.stock) == ("TEA-1", 3)
    assert await service.find(created.id) == created


async def test_a_sku_can_be_had_once(work: Work, service: ProductService) -> None:
    await a_product(work, sku="TEA-1")

    with pytest.raises(Conflict) as refusal:
        await service.create(NewProduct(sku="TEA-1", name="Coffee", price=300))

    assert refusal.value.code == "sku_taken"


async def test_a_name_and_a_price_can_change(work: Work, service: ProductService) -> None:
    tea = await a_product(work, name="Tea", price=250)

    changed = await service.change(tea.id, {"price": 300})

    assert (changed.name, changed.price) == ("Tea", 300)
    assert await service.find(tea.id) == changed


async def test_what_is_not_sold_cannot_change(service: ProductService) -> None:
    with pytest.raises(NotFound) as refusal:
        await service.change(NOTHING, {"price": 300})

    assert refusal.value.code == "product_not_found"
