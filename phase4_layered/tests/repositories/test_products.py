"""What services are promised of what is sold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict
from phase4_layered.domain.fields import ID_MAX as NOTHING
from phase4_layered.domain.paging import START
from phase4_layered.domain.products import NewProduct, ProductQuery
from phase4_layered.tests.factories import a_product, a_user, an_order

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


async def names(work: Work, query: ProductQuery) -> list[str]:
    async with work() as unit:
        return [product.name for product in (await unit.products.page(query)).items]


async def test_a_new_product_is_found_by_id(work: Work) -> None:
    async with work() as unit:
        added = await unit.products.add(NewProduct(sku="TEA-1", name="Tea", price=250, stock=3))
        found = await unit.products.by_ids([added.id])

    assert (added.sku, added.name, added.price, added.stock) == ("TEA-1", "Tea", 250, 3)
    assert found == {added.id: added}


async def test_an_id_without_a_product_has_none(work: Work) -> None:
    tea = await a_product(work)

    async with work() as unit:
        assert await unit.products.by_ids([NOTHING, tea.id]) == {NOTHING: None, tea.id: tea}
        assert await unit.products.by_ids([]) == {}


async def test_the_first_pieces_are_the_first_movement(work: Work) -> None:
    tea = await a_product(work, stock=3)

    async with work() as unit:
        movements = await unit.stock.movements(tea.id, START, 10)

    assert movements is not None
    assert [(each.quantity, each.reason, each.order_id) for each in movements] == [
        (3, "initial", None)
    ]


async def test_a_product_without_pieces_has_no_movement(work: Work) -> None:
    tea = await a_product(work, stock=0)

    async with work() as unit:
        assert await unit.stock.movements(tea.id, START, 10) == []


async def test_a_sku_is_taken_once(work: Work) -> None:
    await a_product(work, sku="TEA-1", name="Tea")

    with pytest.raises(Conflict) as refusal:
        await a_product(work, sku="TEA-1", name="Coffee")

    assert refusal.value.code == "sku_taken"
    assert await names(work, ProductQuery()) == ["Tea"]


async def test_given_fields_are_changed_and_others_left(work: Work) -> None:
    tea = await a_product(work, name="Tea", price=250, stock=3)

    async with work() as unit:
        renamed = await unit.products.change(tea.id, {"name": "Green tea"})
        dearer = await unit.products.change(tea.id, {"price": 300})
        unchanged = await unit.products.change(tea.id, {})

    assert renamed is not None
    assert dearer is not None
    assert (renamed.name, renamed.price) == ("Green tea", 250)
    assert (dearer.name, dearer.price) == ("Green tea", 300)
    assert unchanged == dearer
    assert (dearer.id, dearer.sku, dearer.stock) == (tea.id, tea.sku, 3)


async def test_a_price_may_become_nothing(work: Work) -> None:
    tea = await a_product(work, price=250)

    async with work() as unit:
        changed = await unit.products.change(tea.id, {"price": 0})

    assert changed is not None
    assert changed.price == 0


async def test_what_is_not_sold_cannot_be_changed(work: Work) -> None:
    async with work() as unit:
        assert await unit.products.change(NOTHING, {"name": "Green tea"}) is None


@pytest.mark.parametrize(
    ("sort", "sorted_names"),
    [
        ("id", ["tea", "Cup", "Pot", "Éclair"]),
        ("-id", ["Éclair", "Pot", "Cup", "tea"]),
        ("name", ["Cup", "Pot", "tea", "Éclair"]),
        ("-name", ["Éclair", "tea", "Pot", "Cup"]),
        ("price", ["Éclair", "Cup", "Pot", "tea"]),
        ("-price", ["tea", "Pot", "Cup", "Éclair"]),
        ("stock", ["Cup", "tea", "Pot", "Éclair"]),
        ("-stock", ["Éclair", "Pot", "tea", "Cup"]),
    ],
)
async def test_products_sort_by_what_is_asked_for_and_equals_by_id(
    work: Work, sort: str, sorted_names: list[str]
) -> None:
    await a_product(work, name="tea", price=900, stock=2)
    await a_product(work, name="Cup", price=500, stock=1)
    await a_product(work, name="Pot", price=500, stock=2)
    await a_product(work, name="Éclair", price=300, stock=4)

    assert await names(work, ProductQuery.model_validate({"sort": sort})) == sorted_names


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "TEA"}, ["Green tea", "Black tea"]),
        ({"q": "t%a"}, []),
        ({"sku": "tea-1"}, ["Green tea"]),
        ({"sku": "TEA"}, []),
        ({"sku": "ß"}, []),  # which has no upper case, so it is not SS
        ({"price_from": 300}, ["Black tea", "Cup"]),
        ({"price_to": 300}, ["Green tea", "Black tea"]),
        ({"price_from": 300, "price_to": 300}, ["Black tea"]),
        ({"in_stock": True}, ["Green tea", "Cup"]),
        ({"in_stock": False}, ["Black tea"]),
        ({"q": "tea", "in_stock": True, "price_to": 249}, []),
    ],
)
async def test_products_are_found_by_all_that_is_asked_for(
    work: Work, query: dict[str, object], found: list[str]
) -> None:
    await a_product(work, sku="TEA-1", name="Green tea", price=250, stock=1)
    await a_product(work, sku="TEA-2", name="Black tea", price=300, stock=0)
    await a_product(work, sku="SS", name="Cup", price=900, stock=2)

    assert await names(work, ProductQuery.model_validate(query)) == found


async def test_a_page_is_a_part_and_tells_how_many_there_are(work: Work) -> None:
    for name in ("Tea", "Cup", "Teapot", "Green tea"):
        await a_product(work, name=name)

    async with work() as unit:
        page = await unit.products.page(ProductQuery(q="tea", limit=1, offset=1))
        beyond = await unit.products.page(ProductQuery(q="tea", offset=3))

    assert [product.name for product in page.items] == ["Teapot"]
    assert (page.limit, page.offset, page.total) == (1, 1, 3)
    assert (beyond.items, beyond.total) == ([], 3)


async def test_a_list_shows_the_stock_there_is(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work, stock=3)

    await an_order(work, ada.id, {tea.id: 3})

    assert await names(work, ProductQuery(in_stock=True)) == []
