"""Cancellations: what an order took comes back, once."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect

from .givens import (
    ask,
    cancel,
    expect_books,
    expect_short,
    new_order,
    new_product,
    new_products,
    new_user,
    stock_of,
)


@check("P2-CAN-01", needs=("P2-ORD-03",), hint="Where do the pieces of a cancelled order go?")
def test_cancelling_gives_the_pieces_back(api: Api) -> None:
    """POST /orders/{id}/cancel answers 200 with the order as cancelled; its pieces come back."""
    user, (one, other) = new_user(api), new_products(api, 10, 10)
    order = new_order(api, user, {one: 3, other: 10})

    answer = expect(cancel(api, order["id"]), 200)

    assert answer.json() == order | {"status": "cancelled"}, "only the status was to change"
    assert expect(api.get(f"/orders/{order['id']}"), 200).json() == answer.json()
    assert (stock_of(api, one), stock_of(api, other)) == (10, 10)
    expect_books(api, one, other)


@check("P2-CAN-02", needs=("P2-CAN-01",), hint="Was it this request that cancelled it?")
def test_cancelling_again_changes_nothing(api: Api) -> None:
    """Cancelling a cancelled order answers the same 200, and gives nothing back again."""
    user, product = new_user(api), new_product(api)["id"]
    order = new_order(api, user, {product: 4})["id"]

    first = expect(cancel(api, order), 200)
    again = expect(cancel(api, order), 200)

    assert first.json() == again.json()
    assert stock_of(api, product) == 10
    expect_books(api, product)


@check("P2-CAN-03", needs=("P2-CAN-01",), hint="What came back can be sold.")
def test_what_came_back_can_be_sold_again(api: Api) -> None:
    """The pieces of a cancelled order can be ordered by somebody else."""
    product = new_product(api, stock=1)["id"]
    order = new_order(api, new_user(api), {product: 1})["id"]
    expect_short(ask(api, new_user(api), {product: 1}), (product, 1, 0))

    expect(cancel(api, order), 200)

    new_order(api, new_user(api), {product: 1})
    expect_books(api, product)
