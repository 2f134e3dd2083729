"""Lists: products by search and page, orders by keyset, and what may be asked of them."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem, raced, unique

from .givens import (
    Fields,
    cancel,
    expect_members,
    ids,
    new_order,
    new_product,
    new_user,
    orders_of,
    pages,
)


@check("P2-LST-01", needs=("P2-PRD-01",), hint="Which letters are the same to somebody searching?")
def test_products_are_found_by_a_part_of_their_name(api: Api) -> None:
    """GET /products?q= finds names that contain the text, in any case."""
    word = unique("Oolong")
    made = [new_product(api, name=f"{word} tea")["id"], new_product(api, name=f"Old {word}")["id"]]

    for q in (word, word.upper(), word.lower(), word[1:]):
        answer = expect(api.get("/products", params={"q": q}), 200, json={"total": 2})
        assert ids(answer) == made
    expect(api.get("/products", params={"q": unique("none")}), 200, json={"items": [], "total": 0})


@check("P2-LST-02", needs=("P2-LST-01",), hint="What does LIKE read in a percent sign?")
def test_wildcards_and_quotes_are_text(api: Api) -> None:
    """%, _, backslash and quotes in q mean themselves."""
    word = unique("Half")
    plain = new_product(api, name=f"{word} price")["id"]
    for text in ("50%", "a_b", "back\\slash", "O'Brien"):
        made = new_product(api, name=f"{word} {text}")["id"]
        assert ids(expect(api.get("/products", params={"q": f"{word} {text}"}), 200)) == [made]
    for pattern in (f"{word}%price", f"{word}_price", f"{word}' OR '1'='1"):
        found = ids(expect(api.get("/products", params={"q": pattern}), 200))
        assert plain not in found, f"q={pattern} was read as a pattern"


@check("P2-LST-03", needs=("P2-PRD-01",), hint="A label is read aloud without its case.")
def test_a_product_is_found_by_its_sku(api: Api) -> None:
    """sku= finds exactly one product, in any case, and no part of a SKU finds it."""
    product = new_product(api)

    for sku in (product["sku"], product["sku"].lower()):
        answer = api.get("/products", params={"sku": sku})
        expect(answer, 200, json={"items": [product], "total": 1})
    expect(api.get("/products", params={"sku": product["sku"][1:]}), 200, json={"total": 0})


@check("P2-LST-04", needs=("P2-LST-01",), hint="Does a range include its ends?")
def test_products_are_filtered_by_price_and_stock(api: Api) -> None:
    """price_from and price_to include their ends; in_stock asks for some or for none."""
    word = unique("Filtered")
    cheap, middle, dear = (
        new_product(api, name=word, price=price, stock=stock)["id"]
        for price, stock in ((100, 0), (200, 1), (300, 7))
    )

    for params, found in (
        ({"price_from": 200}, [middle, dear]),
        ({"price_to": 200}, [cheap, middle]),
        ({"price_from": 101, "price_to": 299}, [middle]),
        ({"in_stock": "true"}, [middle, dear]),
        ({"in_stock": "false"}, [cheap]),
        ({"in_stock": "true", "price_to": 200}, [middle]),
    ):
        answer = api.get("/products", params={"q": word} | params)
        expect(answer, 200, json={"total": len(found)})
        assert ids(answer) == found, f"{params}: expected {found}, got {ids(answer)}"


@check("P2-LST-05", needs=("P2-LST-01",), hint="An order that ends in a tie leaves it to chance.")
def test_products_are_sorted(api: Api) -> None:
    """sort= by id, name, price or stock, or descending with a minus; ties go by id alike."""
    word = unique("Sorted")
    rows = [
        new_product(api, name=f"{word} {name}", price=price, stock=stock)
        for name, price, stock in (("b", 2, 5), ("a", 2, 5), ("c", 1, 9), ("B", 3, 0))
    ]

    for field in ("id", "name", "price", "stock"):
        for sign in ("", "-"):
            expected = sorted(rows, key=lambda row, f=field: (row[f], row["id"]))
            expected = [row["id"] for row in (expected[::-1] if sign else expected)]
            answer = api.get("/products", params={"q": word, "sort": sign + field})
            got = ids(expect(answer, 200))
            assert got == expected, f"sort={sign}{field}: expected {expected}, got {got}"


@check("P2-LST-06", needs=("P2-LST-05",), hint="How many rows does OFFSET skip?")
def test_pages_of_products_hold_each_once(api: Api) -> None:
    """Pages by limit and offset hold each product once; the total stays, past the end too."""
    word = unique("Paged")
    made = [new_product(api, name=word)["id"] for _ in range(5)]

    got: list[int] = []
    for offset in (0, 2, 4, 6):
        params = {"q": word, "limit": 2, "offset": offset}
        answer = api.get("/products", params=params)
        expect(answer, 200, json={"total": 5, "limit": 2, "offset": offset})
        got += ids(answer)

    assert got == made, f"expected {made}, got {got}"
    default = expect(api.get("/products"), 200, json={"limit": 20, "offset": 0}).json()
    expect_members(default, "items", "limit", "offset", "total")


@check("P2-LST-07", hint="Which queries does your list understand, and what of the others?")
def test_a_bad_query_is_400(api: Api) -> None:
    """A parameter that is unknown or has a value that makes no sense is 400 and named."""
    for path, name, value in (
        ("/products", "limit", "0"),
        ("/products", "limit", "101"),
        ("/products", "limit", "x"),
        ("/products", "offset", "-1"),
        ("/products", "sort", "created_at"),
        ("/products", "sort", "price;--"),
        ("/products", "price_from", "1.5"),
        ("/products", "price_to", "-1"),
        ("/products", "in_stock", "yes"),
        ("/products", "q", "a\x00b"),
        ("/products", "colour", "red"),
        ("/orders", "limit", "0"),
        ("/orders", "limit", "101"),
        ("/orders", "status", "lost"),
        ("/orders", "user_id", "x"),
        ("/orders", "offset", "0"),
        ("/orders", "cursor", "x"),
        ("/orders", "cursor", ""),
    ):
        answer = api.get(path, params={name: value})
        expect_problem(answer, 400, "invalid_query", fields=[name])


@check("P2-LST-08", needs=("P2-ORD-02",), hint="Newest first: by which of its times?")
def test_a_users_orders_are_listed_newest_first(api: Api) -> None:
    """GET /orders?user_id= lists that user's orders without their lines, the newest first."""
    user, product = new_user(api), new_product(api)["id"]
    made = [new_order(api, user, {product: 1}) for _ in range(3)]
    new_order(api, new_user(api), {product: 1})

    answer = expect(api.get("/orders", params={"user_id": user}), 200)

    expect_members(answer.json(), "items", "limit", "next_cursor")
    listed = [{name: value for name, value in order.items() if name != "items"} for order in made]
    assert answer.json()["items"] == listed[::-1]
    expect(answer, 200, json={"limit": 20, "next_cursor": None})
    nobody = api.get("/orders", params={"user_id": new_user(api)})
    expect(nobody, 200, json={"items": [], "next_cursor": None})


@check("P2-LST-09", needs=("P2-LST-08",), hint="A cursor is a place in an order, not a number.")
def test_orders_that_arrive_dont_shift_the_pages(api: Api) -> None:
    """Pages of a user's orders hold each once, though new ones arrive between the pages."""
    user, product = new_user(api), new_product(api, stock=100)["id"]
    made = [new_order(api, user, {product: 1})["id"] for _ in range(5)][::-1]

    got: list[int] = []
    params: Fields = {"user_id": user, "limit": 2}
    while True:
        page = expect(api.get("/orders", params=params), 200).json()
        got += [order["id"] for order in page["items"]]
        if page["next_cursor"] is None:
            break
        new_order(api, user, {product: 1})
        params["cursor"] = page["next_cursor"]

    assert got == made, f"expected {made}, got {got}"


@check("P2-LST-10", needs=("P2-LST-09",), hint="Orders of one moment have an order, too.")
def test_orders_placed_at_once_are_listed_once(api: Api) -> None:
    """Orders placed by many at once show up once each, by time and then by id."""
    user, product = new_user(api), new_product(api, stock=100)["id"]
    made = raced(24, lambda _: new_order(api, user, {product: 1}))

    got = [order["id"] for order in pages(api, "/orders", user_id=user, limit=5)]

    newest = sorted(made, key=lambda order: (order["placed_at"], order["id"]), reverse=True)
    expected = [order["id"] for order in newest]
    assert got == expected, f"expected {expected}, got {got}"


@check(
    "P2-LST-11", needs=("P2-LST-09", "P2-CAN-01"), hint="Does the cursor's page keep the filter?"
)
def test_orders_are_filtered_by_status(api: Api) -> None:
    """status=placed and status=cancelled part the orders, on every page."""
    user, product = new_user(api), new_product(api)["id"]
    made = [new_order(api, user, {product: 1})["id"] for _ in range(6)]
    for order in made[::2]:
        expect(cancel(api, order), 200)

    for status, expected in (("placed", made[1::2]), ("cancelled", made[::2])):
        listed = pages(api, "/orders", user_id=user, status=status, limit=1)
        assert [order["id"] for order in listed] == expected[::-1]
        assert {order["status"] for order in listed} == {status}
    assert len(orders_of(api, user)) == 6
