"""Buyers named in the body of their order: what holds as long as anybody may order for anybody."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import (
    NOBODY,
    ask,
    expect_books,
    new_product,
    new_user,
    orders_of,
    stock_of,
)


@check("P2-ORD-06", needs=("P2-ORD-01",), hint="Who is it for? Somebody has to know them.")
def test_an_unknown_user_cannot_order(api: Api) -> None:
    """An order of a user that does not exist is 422, names user_id, and takes nothing."""
    product = new_product(api)["id"]

    for nobody in (NOBODY, 0, -1, 10**30):
        answer = ask(api, nobody, {product: 1})
        expect_problem(answer, 422, "invalid_payload", fields=["user_id"])

    assert stock_of(api, product) == 10
    expect_books(api, product)


@check("P2-ORD-19", needs=("P2-ORD-01",), hint="Whose order is it, if nobody says so?")
def test_an_order_without_a_user_is_refused(api: Api) -> None:
    """An order without user_id is 422 and names it; nothing is taken."""
    product = new_product(api)["id"]
    fields = {"items": [{"product_id": product, "quantity": 1}]}

    answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})

    expect_problem(answer, 422, "invalid_payload", fields=["user_id"])
    assert stock_of(api, product) == 10


@check("P2-IDM-11", needs=("P2-IDM-06",), hint="Is who buys it a part of what is bought?")
def test_a_key_is_for_one_buyer(api: Api) -> None:
    """A used key with another user_id is 422 idempotency_key_reused, and nothing is taken."""
    user, other, key = new_user(api), new_user(api), unique("key")
    product = new_product(api)["id"]
    expect(ask(api, user, {product: 1}, key), 201)

    answer = ask(api, other, {product: 1}, key)

    expect_problem(answer, 422, "idempotency_key_reused")
    assert stock_of(api, product) == 9
    assert orders_of(api, other) == []
