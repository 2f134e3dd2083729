"""Users who have orders: they stay, and what they bought is told in a summary."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .givens import ask, cancel, new_order, new_product, new_user


@check("P2-USR-02", needs=("P2-ORD-01",), hint="Who bought it, if nobody knows them any more?")
def test_a_user_with_orders_stays(api: Api) -> None:
    """DELETE of a user with orders, cancelled ones too, is 409 user_has_orders."""
    user = new_user(api)
    order = new_order(api, user, {new_product(api)["id"]: 1})
    expect_problem(api.delete(f"/users/{user}"), 409, "user_has_orders")
    expect(cancel(api, order["id"]), 200)

    expect_problem(api.delete(f"/users/{user}"), 409, "user_has_orders")

    expect(api.get(f"/orders/{order['id']}"), 200, json={"user_id": user})


@check("P2-USR-03", needs=("P2-CAN-01",), hint="Joining orders and lines multiplies the orders.")
def test_a_summary_counts_what_was_bought(api: Api) -> None:
    """The summary tells orders, money spent and the last order; cancelled ones don't count."""
    user = new_user(api)
    none = {"orders": 0, "spent": 0, "last_order_at": None}
    expect(api.get(f"/users/{user}/summary"), 200, json={"id": user} | none)
    tea, mug = new_product(api, price=100)["id"], new_product(api, price=30)["id"]
    new_order(api, user, {tea: 1, mug: 2})
    last = new_order(api, user, {mug: 1})
    gone = expect(ask(api, user, {tea: 5}), 201).json()
    expect(cancel(api, gone["id"]), 200)

    told = {"orders": 2, "spent": 190, "last_order_at": last["placed_at"]}
    expect(api.get(f"/users/{user}/summary"), 200, json={"id": user} | told)
    expect_problem(api.get("/users/0/summary"), 404, "user_not_found")
