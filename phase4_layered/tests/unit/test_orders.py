"""The rules of orders, which are functions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from phase4_layered.domain.errors import Invalid
from phase4_layered.domain.orders import (
    Line,
    Locked,
    NewOrder,
    Placed,
    is_of,
    order_of,
    out_of_stock,
    refuse_unknown,
)
from phase4_layered.tests.factories import asking_for

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TEA = Locked(1, "TEA-1", "Tea", price=250, stock=3, asked=2)
CUP = Locked(2, "CUP-1", "Cup", price=900, stock=0, asked=1)


def test_an_order_names_each_product_once() -> None:
    line = {"product_id": 7, "quantity": 1}

    with pytest.raises(ValidationError) as refusal:
        NewOrder.model_validate({"items": [line, line]})

    (error,) = refusal.value.errors()
    assert (error["type"], error["loc"]) == ("product_twice", ("items",))
    assert error["msg"] == "must hold each product once, and holds 7 twice"


@pytest.mark.parametrize("lines", [0, 101])
def test_an_order_has_one_to_a_hundred_lines(lines: int) -> None:
    items = [{"product_id": each + 1, "quantity": 1} for each in range(lines)]

    with pytest.raises(ValidationError):
        NewOrder.model_validate({"items": items})


@pytest.mark.parametrize("quantity", [0, 10_001, 1.0, "1", True])
def test_a_quantity_is_a_whole_number_of_one_to_ten_thousand(quantity: object) -> None:
    with pytest.raises(ValidationError):
        NewOrder.model_validate({"items": [{"product_id": 1, "quantity": quantity}]})


def test_a_price_is_not_the_clients_to_say() -> None:
    with pytest.raises(ValidationError):
        NewOrder.model_validate({"items": [{"product_id": 1, "quantity": 1, "price": 1}]})


def test_an_order_is_composed_of_what_was_written() -> None:
    order = order_of(5, Placed(9, 1400, NOON), [TEA, CUP])

    assert (order.id, order.user_id, order.status) == (9, 5, "placed")
    assert (order.total, order.placed_at) == (1400, NOON)
    assert order.items == [Line(1, "TEA-1", "Tea", 2, 250), Line(2, "CUP-1", "Cup", 1, 900)]


def test_an_order_is_its_owners_and_that_of_whoever_sees_all() -> None:
    order = order_of(5, Placed(9, 500, NOON), [TEA])

    assert is_of(order, 5)
    assert is_of(order, None)
    assert not is_of(order, 6)


def test_lines_that_name_products_are_not_refused() -> None:
    refuse_unknown(asking_for({2: 1, 1: 2}).items, [TEA, CUP])


def test_lines_that_name_none_are_refused_by_their_places() -> None:
    with pytest.raises(Invalid) as refusal:
        refuse_unknown(asking_for({8: 1, 1: 2, 9: 1}).items, [TEA])

    assert refusal.value.errors == (
        {"field": "items.0.product_id", "message": "There is no such product."},
        {"field": "items.2.product_id", "message": "There is no such product."},
    )


def test_shortages_are_of_what_is_short() -> None:
    refusal = out_of_stock([TEA, CUP])

    assert refusal.code == "out_of_stock"
    assert refusal.members == {"shortages": [{"product_id": 2, "asked": 1, "available": 0}]}
