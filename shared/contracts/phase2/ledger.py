"""The ledger of a product: each movement of its stock, newest first."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import (
    cancel,
    expect_books,
    expect_members,
    expect_time,
    movements_of,
    new_order,
    new_product,
    new_user,
    pages,
    restock,
)


@check(
    "P2-MOV-01",
    needs=("P2-RST-01", "P2-ORD-01", "P2-CAN-01"),
    hint="Each change of a stock is a fact of its own. Where is it written, and by whom?",
)
def test_the_ledger_tells_every_movement(api: Api) -> None:
    """The movements of a product are listed newest first: initial, restock, order, cancel."""
    user, product = new_user(api), new_product(api, stock=10)["id"]
    order = new_order(api, user, {product: 4})["id"]
    expect(restock(api, product, 5), 200)
    expect(cancel(api, order), 200)

    moved = movements_of(api, product)

    told = [(each["quantity"], each["reason"], each["order_id"]) for each in moved]
    assert told == [
        (4, "cancel", order),
        (5, "restock", None),
        (-4, "order", order),
        (10, "initial", None),
    ], f"got {told}"
    for each in moved:
        expect_members(each, "id", "product_id", "quantity", "reason", "order_id", "created_at")
        expect_time(each["created_at"])
        assert each["product_id"] == product
    expect_books(api, product)


@check("P2-MOV-02", needs=("P2-MOV-01",), hint="A cursor is a place in an order.")
def test_the_ledger_is_walked_page_by_page(api: Api) -> None:
    """Pages of two hold every movement once, in the same order as one large page."""
    product = new_product(api, stock=1)["id"]
    for quantity in range(1, 7):
        expect(restock(api, product, quantity), 200)
    path = f"/products/{product}/movements"

    walked = pages(api, path, limit=2)

    assert [each["quantity"] for each in walked] == [6, 5, 4, 3, 2, 1, 1]
    assert walked == movements_of(api, product)
    for name, value in (("limit", "0"), ("limit", "101"), ("cursor", "x"), ("offset", "1")):
        answer = api.get(path, params={name: value})
        expect_problem(answer, 400, "invalid_query", fields=[name])
