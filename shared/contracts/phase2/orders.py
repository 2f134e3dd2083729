"""Orders: placed whole or refused whole, and read."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import (
    ID_LIKE,
    NOBODY,
    Fields,
    ask,
    expect_books,
    expect_members,
    expect_short,
    expect_time,
    expect_whole,
    movements_of,
    new_order,
    new_product,
    new_products,
    new_user,
    order_fields,
    orders_of,
    stock_of,
)


def line_of(product: Fields, quantity: int) -> Fields:
    """Tell what a line says of a product that was sold just now."""
    return {
        "product_id": product["id"],
        "sku": product["sku"],
        "name": product["name"],
        "quantity": quantity,
        "unit_price": product["price"],
    }


@check("P2-ORD-01", needs=("P2-PRD-01",), hint="What does a client need to know about its order?")
def test_placing_an_order_answers_201(api: Api) -> None:
    """POST /orders answers 201 with the order, its line as it was sold, and where it lives."""
    user, tea = new_user(api), new_product(api, price=250)

    answer = expect(ask(api, user, {tea["id"]: 2}), 201)

    order = answer.json()
    expect_members(order, "id", "user_id", "status", "total", "placed_at", "items")
    expect(answer, 201, headers={"Location": f"/orders/{order['id']}"})
    expect_time(order["placed_at"])
    told = {"user_id": user, "status": "placed", "total": 500, "items": [line_of(tea, 2)]}
    expect(answer, 201, json=told)
    expect_members(order["items"][0], "product_id", "sku", "name", "quantity", "unit_price")


@check("P2-ORD-02", needs=("P2-ORD-01",), hint="Is the answer what was stored, or an echo?")
def test_an_order_is_read_back(api: Api) -> None:
    """GET on the Location of a new order answers the very same order."""
    placed = expect(ask(api, new_user(api), {new_product(api)["id"]: 3}), 201)

    assert expect(api.get(placed.headers["Location"]), 200).json() == placed.json()


@check("P2-ORD-18", needs=("P2-ORD-01",), hint="In which order do rows come that nobody sorted?")
def test_lines_are_told_by_product(api: Api) -> None:
    """An order of two products has a line for each, by product id, and the total of both."""
    user = new_user(api)
    tea, mug = new_product(api, price=250), new_product(api, price=900, name="Mug")

    answer = ask(api, user, {mug["id"]: 1, tea["id"]: 2})

    expect(answer, 201, json={"total": 1400, "items": [line_of(tea, 2), line_of(mug, 1)]})
    for line in answer.json()["items"]:
        expect_members(line, "product_id", "sku", "name", "quantity", "unit_price")


@check("P2-ORD-03", needs=("P2-ORD-01",), hint="Selling is taking from the shelf.")
def test_an_order_takes_its_pieces(api: Api) -> None:
    """An order lowers the stock of each of its products by its quantity, down to none."""
    user, (one, other) = new_user(api), new_products(api, 10, 10)

    new_order(api, user, {one: 10, other: 4})

    assert (stock_of(api, one), stock_of(api, other)) == (0, 6)
    expect_books(api, one, other)


@check(
    "P2-ORD-04",
    needs=("P2-ORD-03",),
    hint="What had been written when it turned out that a line cannot be filled?",
)
def test_an_order_that_is_short_changes_nothing(api: Api) -> None:
    """If one line of three is short, 409 out_of_stock: no piece is taken, no order is left."""
    user, (one, two, three) = new_user(api), new_products(api, 5, 5, 5)

    for items in ({one: 1, two: 1, three: 6}, {three: 6, two: 1, one: 1}, {two: 6, three: 5}):
        short = three if items.get(three) == 6 else two
        expect_short(ask(api, user, items), (short, 6, 5))

    assert [stock_of(api, each) for each in (one, two, three)] == [5, 5, 5]
    assert [len(movements_of(api, each)) for each in (one, two, three)] == [1, 1, 1]
    assert orders_of(api, user) == [], "a refused order stands in the list"


@check("P2-ORD-05", needs=("P2-ORD-04",), hint="Did you stop looking at the first?")
def test_every_short_product_is_named(api: Api) -> None:
    """409 lists every product that is short, with asked and available, and none that is not."""
    user = new_user(api)
    one, two, three = (new_product(api, stock=stock)["id"] for stock in (2, 50, 0))

    answer = ask(api, user, {three: 1, two: 50, one: 7})

    expect_short(answer, (one, 7, 2), (three, 1, 0))


@check("P2-ORD-07", needs=("P2-ORD-01",), hint="How many rows came back for how many lines?")
def test_unknown_products_are_named_by_line(api: Api) -> None:
    """Lines of products that do not exist are 422, each named by its place; nothing is taken."""
    user, product = new_user(api), new_product(api)["id"]

    answer = ask(api, user, {NOBODY: 1, product: 1, NOBODY - 1: 1})

    named = ["items.0.product_id", "items.2.product_id"]
    expect_problem(answer, 422, "invalid_payload", fields=named)
    assert stock_of(api, product) == 10
    assert orders_of(api, user) == []


@check("P2-ORD-08", needs=("P2-ORD-01",), hint="Two lines for one product: their sum, or a slip?")
def test_a_product_stands_in_an_order_once(api: Api) -> None:
    """Two lines for one product are 422 and name items; nothing is taken."""
    user, product = new_user(api), new_product(api)["id"]
    line = {"product_id": product, "quantity": 1}
    headers = {"Idempotency-Key": unique("key")}

    answer = api.post("/orders", json={"user_id": user, "items": [line, line]}, headers=headers)

    expect_problem(answer, 422, "invalid_payload", fields=["items"])
    assert stock_of(api, product) == 10


@check("P2-ORD-09", needs=("P2-ORD-01",), hint="What may a quantity be, in the end of all layers?")
def test_quantities_are_positive_whole_numbers(api: Api) -> None:
    """A quantity outside 1..10000, or that is no integer, is 422 and named by its line."""
    user, (one, other) = new_user(api), new_products(api, 10, 10)

    for bad in (0, -1, 10_001, "1", 1.5, 1.0, True, None, 10**30):
        fields = order_fields(user, {one: 1, other: 1})
        fields["items"][1]["quantity"] = bad
        answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload", fields=["items.1.quantity"])

    assert (stock_of(api, one), stock_of(api, other)) == (10, 10)


@check("P2-ORD-10", needs=("P2-ORD-01",), hint="An order without lines: what was bought?")
def test_an_order_has_one_to_a_hundred_lines(api: Api) -> None:
    """No line and 101 lines are 422 and name items; a hundred lines are an order."""
    user, products = new_user(api), new_products(api, *[1] * 100)
    answer = ask(api, user, {})
    expect_problem(answer, 422, "invalid_payload", fields=["items"])
    answer = ask(api, user, dict.fromkeys([*products, NOBODY], 1))
    expect_problem(answer, 422, "invalid_payload", fields=["items"])

    order = new_order(api, user, dict.fromkeys(reversed(products), 1))

    assert [line["product_id"] for line in order["items"]] == products
    expect_whole(order)


@check("P2-ORD-11", needs=("P2-ORD-01",), hint="Which members are the shop's to say?")
def test_prices_are_the_shops_to_say(api: Api) -> None:
    """An order with a price, a total, a status or anything unknown is 422 and names it."""
    user, product = new_user(api), new_product(api)["id"]

    for name in ("total", "status", "id", "discount"):
        fields = order_fields(user, {product: 1}) | {name: 1}
        answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload", fields=[name])
    for name in ("unit_price", "name"):
        fields = order_fields(user, {product: 1})
        fields["items"][0][name] = 1
        answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload", fields=[f"items.0.{name}"])

    assert stock_of(api, product) == 10


@check("P2-ORD-12", needs=("P2-ORD-01",), hint="Half an order is none.")
def test_missing_members_are_named(api: Api) -> None:
    """An order without items, product or quantity is 422 and names what is missing."""
    user, product = new_user(api), new_product(api)["id"]
    line = {"product_id": product, "quantity": 1}
    for fields, missing in (
        ({"user_id": user}, "items"),
        ({"user_id": user, "items": [{"quantity": 1}]}, "items.0.product_id"),
        ({"user_id": user, "items": [line, {"product_id": product}]}, "items.1.quantity"),
    ):
        answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload", fields=[missing])


@check(
    "P2-ORD-13",
    needs=("P2-ORD-02", "P2-PRD-05"),
    hint="What something costs and what it was sold for: one fact or two?",
)
def test_an_order_keeps_price_and_name(api: Api) -> None:
    """Price and name changed later change no order that was placed."""
    user, product = new_user(api), new_product(api, price=250, name="Tea")["id"]
    order = new_order(api, user, {product: 2})

    expect(api.patch(f"/products/{product}", json={"price": 999, "name": "Chai"}), 200)

    assert expect(api.get(f"/orders/{order['id']}"), 200).json() == order
    later = new_order(api, user, {product: 1})
    expect_whole(later)
    assert (later["total"], later["items"][0]["name"]) == (999, "Chai")


@check("P2-ORD-14", needs=("P2-ORD-01",), hint="Which number type holds every cent?")
def test_large_totals_are_exact(api: Api) -> None:
    """The total of a large order is exact to the last cent, and a JSON integer."""
    user = new_user(api)
    dear, cheap = (new_product(api, price=price, stock=10_000)["id"] for price in (99_999_999, 1))

    order = new_order(api, user, {dear: 10_000, cheap: 9_999})

    assert type(order["total"]) is int, "money is a whole number"
    assert order["total"] == 99_999_999 * 10_000 + 9_999
    assert expect(api.get(f"/orders/{order['id']}"), 200).json() == order


@check("P2-ORD-15", needs=("P2-ORD-01",), hint="Zero is a price.")
def test_what_is_free_can_be_ordered(api: Api) -> None:
    """An order of something that costs nothing has the total 0."""
    order = new_order(api, new_user(api), {new_product(api, price=0)["id"]: 2})

    assert order["total"] == 0


@check("P2-ORD-16", hint="A path segment is text from a stranger.")
def test_an_unknown_order_is_404(api: Api) -> None:
    """An id that belongs to no order is 404 order_not_found, to read and to cancel."""
    for segment in ID_LIKE:
        expect_problem(api.get(f"/orders/{segment}"), 404, "order_not_found")
        expect_problem(api.post(f"/orders/{segment}/cancel"), 404, "order_not_found")


@check("P2-ORD-17", needs=("P2-ORD-02",), hint="What was sold stays in the books.")
def test_an_order_is_neither_changed_nor_deleted(api: Api) -> None:
    """PUT, PATCH and DELETE of an order are 405, and it stays as it is."""
    order = new_order(api, new_user(api), {new_product(api)["id"]: 1})
    path = f"/orders/{order['id']}"

    for answer in (api.delete(path), api.put(path, json=order), api.patch(path, json={})):
        expect_problem(answer, 405, "method_not_allowed")

    expect(api.get(path), 200, json=order)
