"""What may be sent at all: types, lengths, media types, methods."""

from __future__ import annotations

from typing import Any

from shared.contracts.kit import Api, check, expect, expect_problem, unique

from .givens import new_product, new_user, order_fields, product_fields, stock_of

JSON = {"Content-Type": "application/json"}


@check("P2-PAY-01", needs=("P2-PRD-01",), hint="What may a product be, in the end of all layers?")
def test_a_products_fields_have_types_and_limits(api: Api) -> None:
    """A product with a bad or missing sku, name, price or stock is 422 and names it."""
    for name, bad in (
        ("sku", ("", "tea-1", "-TEA", "A" * 41, "TEA 1", "TÉ", 7, None)),
        ("name", ("", " ", "x" * 201, "a\x00b", 7, None)),
        ("price", (-1, 100_000_001, 1.5, 1.0, "250", True, None, 10**30)),
        ("stock", (-1, 1_000_001, 1.5, 1.0, "1", True, None)),
        ("colour", ("red",)),
    ):
        for value in bad:
            answer = api.post("/products", json=product_fields(**{name: value}))
            expect_problem(answer, 422, "invalid_payload", fields=[name])
    for missing in ("sku", "name", "price"):
        fields = product_fields()
        del fields[missing]
        answer = api.post("/products", json=fields)
        expect_problem(answer, 422, "invalid_payload", fields=[missing])


@check("P2-PAY-02", needs=("P2-PAY-01",), hint="Is the largest allowed value allowed?")
def test_the_limits_themselves_are_allowed(api: Api) -> None:
    """The shortest, longest, smallest and largest values that are allowed are taken as they are."""
    for changes in (
        {"name": "x"},
        {"name": "é" * 200},
        {"name": "🫖 tea"},
        {"price": 0},
        {"price": 100_000_000},
        {"stock": 0},
        {"stock": 1_000_000},
        {"sku": unique("A").upper().ljust(40, "Z")},
    ):
        fields = product_fields(**changes)
        expect(api.post("/products", json=fields), 201, json=fields)


@check("P2-PAY-03", needs=("P2-PRD-05",), hint="In a merge patch null removes. Can these go?")
def test_null_is_refused_in_a_patch(api: Api) -> None:
    """PATCH with null or a bad value is 422 and names it; the product stays as it was."""
    product = new_product(api)
    path = f"/products/{product['id']}"

    for name, value in (
        ("name", None),
        ("price", None),
        ("price", -1),
        ("price", 2.5),
        ("name", ""),
    ):
        answer = api.patch(path, json={name: value})
        expect_problem(answer, 422, "invalid_payload", fields=[name])

    expect(api.get(path), 200, json=product)


@check("P2-PAY-04", needs=("P2-IDM-01",), hint="What is between the wire and your parser?")
def test_a_body_that_is_no_json_is_400(api: Api) -> None:
    """A body that is no JSON is 400 malformed_json; of another type, or of none, 415."""
    key = {"Idempotency-Key": unique("key")}
    for path in ("/products", "/orders"):
        for content in (b"{", b"", b"{'sku': 1}", b"\xff"):
            answer = api.post(path, content=content, headers=JSON | key)
            expect_problem(answer, 400, "malformed_json")
        answer = api.post(path, content=b"sku=1", headers={"Content-Type": "text/plain"} | key)
        expect_problem(answer, 415, "unsupported_media_type")


@check("P2-PAY-05", needs=("P2-ORD-01",), hint="JSON has six types, and an order is one of them.")
def test_a_body_of_another_shape_is_422(api: Api) -> None:
    """JSON of the wrong shape is 422, wherever it stands, and never a 500."""
    user, product = new_user(api), new_product(api)["id"]

    shapes: list[Any] = [None, {}, "x", 7, [None], [[]], ["x"], [{}], [{"product_id": "1"}]]
    for items in shapes:
        fields = order_fields(user, {}) | {"items": items}
        answer = api.post("/orders", json=fields, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload")
    bodies: list[Any] = [None, [], 7, "x"]
    for body in bodies:
        answer = api.post("/orders", json=body, headers={"Idempotency-Key": unique("key")})
        expect_problem(answer, 422, "invalid_payload")

    assert stock_of(api, product) == 10


@check("P2-PAY-06", hint="Which methods does a path know, and who tells?")
def test_other_methods_are_405(api: Api) -> None:
    """A method that a path lacks is 405 with Allow; OPTIONS answers 204 with the same."""
    for path, methods in (
        ("/products", {"GET", "HEAD", "POST"}),
        ("/orders", {"GET", "HEAD", "POST"}),
        ("/products/1", {"GET", "HEAD", "PATCH"}),
        ("/orders/1", {"GET", "HEAD"}),
        ("/orders/1/cancel", {"POST"}),
        ("/products/1/restock", {"POST"}),
        ("/products/1/movements", {"GET", "HEAD"}),
        ("/reports/best-sellers", {"GET", "HEAD"}),
    ):
        answer = api.request("DELETE", path)
        expect_problem(answer, 405, "method_not_allowed")
        for told in (answer, expect(api.options(path), 204)):
            allowed = {method.strip() for method in told.headers["Allow"].split(",")}
            assert methods <= allowed, f"{path}: Allow is {sorted(allowed)}, expected {methods}"
    expect_problem(api.get("/baskets"), 404, "not_found")


@check("P2-PAY-07", hint="A health check asks one question each.")
def test_the_shop_tells_how_it_is(api: Api) -> None:
    """/healthz and /readyz answer 200."""
    expect(api.get("/healthz"), 200)
    expect(api.get("/readyz"), 200)
