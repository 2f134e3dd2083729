"""Whose orders: everybody's own, and what is another's might as well not be there."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique
from shared.contracts.phase2.givens import (
    ID_LIKE,
    NOBODY,
    expect_books,
    ids,
    new_product,
    stock_of,
)

from .givens import new_customer, new_order, try_order
from .roles import expect_unknown_alike


@check(
    "P3-OWN-01",
    needs=("P3-TOK-05", "P3-ADM-01"),
    hint="In phase 2 the body said who buys. Whom did you believe then, and whom now?",
)
def test_an_order_is_of_whoever_asks(anybody: Api, admin: Api) -> None:
    """POST /orders needs no user_id: the order is of whoever the token says."""
    customer, product = new_customer(anybody), new_product(admin)["id"]

    order = expect(try_order(customer.api, {product: 2}), 201).json()

    assert order["user_id"] == customer.id, "it is somebody else's order"
    expect(customer.api.get(f"/orders/{order['id']}"), 200, json=order)
    expect(customer.api.get(f"/users/{customer.id}/summary"), 200, json={"orders": 1})


@check(
    "P3-OWN-02",
    needs=("P3-OWN-01",),
    hint="What the client must not decide has no place in what the client sends.",
)
def test_nobody_orders_for_another(anybody: Api, admin: Api) -> None:
    """A body with user_id, even one's own, is 422 and names it; nothing is taken."""
    customer, other = new_customer(anybody), new_customer(anybody)
    product = new_product(admin)["id"]
    for user in (other.id, customer.id, None):
        body = {"user_id": user, "items": [{"product_id": product, "quantity": 1}]}
        answer = customer.api.post("/orders", json=body, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload", fields=["user_id"])

    assert stock_of(anybody, product) == 10
    for each in (customer, other):
        assert ids(each.api.get("/orders")) == []


@check(
    "P3-OWN-03",
    needs=("P3-OWN-01",),
    hint="403 says that there is something. And ids are numbers, so that all can be tried.",
)
def test_anothers_order_is_unknown(anybody: Api, admin: Api) -> None:
    """Another's order is 404 order_not_found, told in the very words of one that never was."""
    customer, other = new_customer(anybody), new_customer(anybody)
    order = new_order(customer.api, {new_product(admin)["id"]: 1})["id"]

    theirs = expect_problem(other.api.get(f"/orders/{order}"), 404, "order_not_found")
    nobodys = expect_problem(other.api.get(f"/orders/{NOBODY}"), 404, "order_not_found")

    expect_unknown_alike(theirs, order, nobodys)
    expect(other.api.head(f"/orders/{order}"), 404)
    expect(customer.api.get(f"/orders/{order}"), 200)


@check(
    "P3-OWN-04",
    needs=("P3-OWN-03",),
    hint="Looking was guarded. Was doing, and which came first: doing, or looking whose it is?",
)
def test_anothers_order_cannot_be_cancelled(anybody: Api, admin: Api) -> None:
    """Cancelling another's order is 404 as for one that never was; it stays, and so do pieces."""
    customer, other = new_customer(anybody), new_customer(anybody)
    product = new_product(admin)["id"]
    order = new_order(customer.api, {product: 3})

    theirs = other.api.post(f"/orders/{order['id']}/cancel")
    nobodys = other.api.post(f"/orders/{NOBODY}/cancel")

    expect_problem(theirs, 404, "order_not_found")
    expect_problem(nobodys, 404, "order_not_found")
    expect_unknown_alike(theirs, order["id"], nobodys)
    expect(customer.api.get(f"/orders/{order['id']}"), 200, json=order)
    assert stock_of(anybody, product) == 7
    expect_books(admin, product)


@check(
    "P3-OWN-05",
    needs=("P3-OWN-01",),
    hint="Two conditions, one from the query and one from the token: and, or, or instead of?",
)
def test_a_list_holds_ones_own_orders(anybody: Api, admin: Api) -> None:
    """GET /orders lists one's own; with another's user_id it is empty, whatever else is asked."""
    customer, other = new_customer(anybody), new_customer(anybody)
    product = new_product(admin)["id"]
    mine = [new_order(customer.api, {product: 1})["id"] for _ in range(2)]
    theirs = new_order(other.api, {product: 1})["id"]

    assert ids(expect(customer.api.get("/orders"), 200)) == mine[::-1]
    assert ids(expect(other.api.get("/orders"), 200)) == [theirs]
    own = {"user_id": customer.id, "status": "placed"}
    assert ids(expect(customer.api.get("/orders", params=own), 200)) == mine[::-1]
    for asked in ({"user_id": other.id}, {"user_id": other.id, "status": "placed", "limit": 100}):
        listed = expect(customer.api.get("/orders", params=asked), 200, json={"next_cursor": None})
        assert ids(listed) == [], "another's orders are listed"


@check(
    "P3-OWN-06",
    needs=("P3-OWN-05",),
    hint="A cursor tells where to go on. Does it also tell in whose list?",
)
def test_a_cursor_opens_no_other_list(anybody: Api, admin: Api) -> None:
    """The cursor of another's list goes on in one's own."""
    customer, other = new_customer(anybody), new_customer(anybody)
    product = new_product(admin)["id"]
    mine = new_order(other.api, {product: 1})["id"]
    for _ in range(2):
        new_order(customer.api, {product: 1})
    page = expect(customer.api.get("/orders", params={"limit": 1}), 200).json()

    listed = expect(other.api.get("/orders", params={"cursor": page["next_cursor"]}), 200)

    assert ids(listed) == [mine], "another's orders are listed"


@check(
    "P3-OWN-07",
    needs=("P3-OWN-01",),
    hint="Somebody else sends the same key. Whose answer do they get?",
)
def test_a_key_is_its_senders_own(anybody: Api, admin: Api) -> None:
    """Two users with the same Idempotency-Key have two orders, and each a retry of their own."""
    customer, other = new_customer(anybody), new_customer(anybody)
    product, key = new_product(admin)["id"], unique("key")

    first = expect(try_order(customer.api, {product: 1}, key), 201)
    second = expect(
        try_order(other.api, {product: 1}, key), 201, headers={"Idempotent-Replayed": None}
    )
    third = expect(try_order(admin, {product: 2}, key), 201)

    assert [first.json()["user_id"], second.json()["user_id"]] == [customer.id, other.id]
    for user, answer in ((customer.api, first), (other.api, second)):
        again = expect(
            try_order(user, {product: 1}, key), 201, headers={"Idempotent-Replayed": "true"}
        )
        assert again.body == answer.body, "a retry was answered with another order"
    assert third.json()["id"] not in {first.json()["id"], second.json()["id"]}
    assert stock_of(anybody, product) == 10 - 4


@check("P3-OWN-08", needs=("P3-TOK-05",), hint="A path segment is text from a stranger.")
def test_an_unknown_order_is_404_to_users(anybody: Api) -> None:
    """An id that no order has is 404 order_not_found to a user, on each of its paths."""
    customer = new_customer(anybody)
    for segment in ID_LIKE:
        expect_problem(customer.api.get(f"/orders/{segment}"), 404, "order_not_found")
        answer = customer.api.post(f"/orders/{segment}/cancel")
        expect_problem(answer, 404, "order_not_found")
