"""Products: create, read, change, restock."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import (
    ID_LIKE,
    expect_books,
    expect_members,
    expect_time,
    movements_of,
    new_product,
    product_fields,
    restock,
    stock_of,
)


@check("P2-PRD-01", hint="What does a client need to know about the row that now exists?")
def test_creating_a_product_answers_201(api: Api) -> None:
    """POST /products answers 201 with the product, its id, its time of birth, and its address."""
    fields = product_fields()

    answer = expect(api.post("/products", json=fields), 201, json=fields)

    product = answer.json()
    expect_members(product, "id", "sku", "name", "price", "stock", "created_at")
    expect_time(product["created_at"])
    expect(answer, 201, headers={"Location": f"/products/{product['id']}"})
    expect(api.get(f"/products/{product['id']}"), 200, json=product)


@check("P2-PRD-02", needs=("P2-PRD-01",), hint="Nothing on the shelf is a number, too.")
def test_a_product_begins_without_stock(api: Api) -> None:
    """A product that is created without stock has none, and an empty ledger."""
    fields = product_fields()
    del fields["stock"]

    product = expect(api.post("/products", json=fields), 201, json={"stock": 0}).json()

    assert movements_of(api, product["id"]) == [], "nothing has moved yet"


@check("P2-PRD-03", needs=("P2-PRD-01",), hint="Which part of the system can promise uniqueness?")
def test_a_sku_is_taken_once(api: Api) -> None:
    """A second product with the same SKU is refused with 409 sku_taken."""
    product = new_product(api)

    answer = api.post("/products", json=product_fields(sku=product["sku"]))

    expect_problem(answer, 409, "sku_taken")


@check("P2-PRD-04", hint="A path segment is text from a stranger.")
def test_an_unknown_product_is_404(api: Api) -> None:
    """An id that belongs to no product is 404 product_not_found on each of its paths."""
    for segment in ID_LIKE:
        expect_problem(api.get(f"/products/{segment}"), 404, "product_not_found")
        expect_problem(api.get(f"/products/{segment}/movements"), 404, "product_not_found")
        answer = api.patch(f"/products/{segment}", json={"price": 1})
        expect_problem(answer, 404, "product_not_found")
        answer = api.post(f"/products/{segment}/restock", json={"quantity": 1})
        expect_problem(answer, 404, "product_not_found")


@check("P2-PRD-05", needs=("P2-PRD-01",), hint="A field that wasn't sent is no wish at all.")
def test_name_and_price_can_be_changed(api: Api) -> None:
    """PATCH changes name or price, only what it names, and answers the product."""
    product = new_product(api)
    path = f"/products/{product['id']}"

    dearer = expect(api.patch(path, json={"price": 999}), 200).json()
    renamed = expect(api.patch(path, json={"name": "Chai"}), 200).json()

    assert dearer == product | {"price": 999}, "only the price was to change"
    assert renamed == dearer | {"name": "Chai"}, "only the name was to change"
    expect(api.get(path), 200, json=renamed)


@check(
    "P2-PRD-06",
    needs=("P2-PRD-05",),
    hint="If stock could be set, who would write the ledger? If a SKU could, what was sold?",
)
def test_stock_and_sku_cannot_be_set(api: Api) -> None:
    """PATCH with stock, sku, id or anything unknown is 422 and names it; nothing changes."""
    product = new_product(api)
    path = f"/products/{product['id']}"

    for name, value in (("stock", 5), ("sku", unique("SKU").upper()), ("id", 7), ("tax", 1)):
        answer = api.patch(path, json={name: value, "price": 1})
        expect_problem(answer, 422, "invalid_payload", fields=[name])

    expect(api.get(path), 200, json=product)


@check("P2-PRD-07", needs=("P2-PRD-01",), hint="What was sold stays in the books.")
def test_a_product_is_neither_replaced_nor_deleted(api: Api) -> None:
    """PUT and DELETE of a product are 405 with Allow, and it stays."""
    path = f"/products/{new_product(api)['id']}"

    for answer in (api.delete(path), api.put(path, json=product_fields())):
        expect_problem(answer, 405, "method_not_allowed")
        allowed = {method.strip() for method in answer.headers["Allow"].split(",")}
        assert {"GET", "PATCH"} <= allowed, "Allow lists what the path answers"
        assert not {"PUT", "DELETE"} & allowed, "Allow lists only what the path answers"

    expect(api.get(path), 200)


@check("P2-RST-01", needs=("P2-PRD-01",), hint="A delivery says how many came, not how many are.")
def test_a_restock_adds_to_the_stock(api: Api) -> None:
    """POST /products/{id}/restock answers 200 with the movement it made, and adds the pieces."""
    product = new_product(api, stock=3)
    path = f"/products/{product['id']}"
    movement = {"product_id": product["id"], "reason": "restock", "order_id": None}

    one = expect(restock(api, product["id"], 4), 200, json=movement | {"quantity": 4})
    other = expect(restock(api, product["id"], 5), 200, json=movement | {"quantity": 5})

    assert movements_of(api, product["id"])[:2] == [other.json(), one.json()]
    expect(api.get(path), 200, json=product | {"stock": 12})


@check("P2-RST-02", needs=("P2-RST-01",), hint="Adding is not idempotent. What makes it so?")
def test_a_restock_with_a_key_counts_once(api: Api) -> None:
    """A restock sent again with its key adds nothing and gets the same answer, however late."""
    product, key = new_product(api, stock=1)["id"], unique("key")
    first = expect(restock(api, product, 5, key), 200, headers={"Idempotent-Replayed": None})
    expect(restock(api, product, 7), 200)

    for _ in range(3):
        again = expect(restock(api, product, 5, key), 200, headers={"Idempotent-Replayed": "true"})
        assert first.body == again.body, "the retry was answered differently"

    assert stock_of(api, product) == 13
    expect_books(api, product)


@check("P2-RST-03", needs=("P2-RST-02",), hint="What does a key stand for?")
def test_a_restocks_key_is_for_that_restock(api: Api) -> None:
    """A key that was used for another quantity or another product is 422, and adds nothing."""
    product, other, key = new_product(api)["id"], new_product(api)["id"], unique("key")
    expect(restock(api, product, 5, key), 200)

    for answer in (restock(api, product, 6, key), restock(api, other, 5, key)):
        expect_problem(answer, 422, "idempotency_key_reused")

    assert (stock_of(api, product), stock_of(api, other)) == (15, 10)


@check("P2-RST-04", needs=("P2-RST-01",), hint="A delivery of minus five pieces is a theft.")
def test_a_restock_is_a_positive_whole_number(api: Api) -> None:
    """A quantity outside 1..1000000, or that is no integer, is 422 and named."""
    product = new_product(api)["id"]

    for bad in (0, -1, 1_000_001, "5", 1.5, 1.0, True, None, 10**30):
        answer = api.post(f"/products/{product}/restock", json={"quantity": bad})
        expect_problem(answer, 422, "invalid_payload", fields=["quantity"])
    answer = api.post(f"/products/{product}/restock", json={})
    expect_problem(answer, 422, "invalid_payload", fields=["quantity"])

    assert stock_of(api, product) == 10


@check("P2-RST-05", needs=("P2-RST-01",), hint="Every number has an end. Who meets it first?")
def test_the_stock_has_a_limit(api: Api) -> None:
    """A restock beyond 1,000,000,000 pieces is 409 stock_limit and adds nothing."""
    product = new_product(api, stock=1_000_000)["id"]
    for _ in range(999):
        expect(restock(api, product, 1_000_000), 200)

    expect_problem(restock(api, product, 1), 409, "stock_limit")

    assert stock_of(api, product) == 1_000_000_000
