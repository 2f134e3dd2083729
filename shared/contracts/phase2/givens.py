"""What a check needs before it starts: fresh rows made over HTTP, and the books of the shop."""

from __future__ import annotations

import re
from typing import Any

from shared.contracts.kit import Answer, Api, Mismatch, expect, expect_problem, unique

Fields = dict[str, Any]

ID_LIKE = ("0", "-1", "abc", "1.0", "1e3", "9223372036854775807", "9223372036854775808", "9" * 40)
"""Path segments that no row has for an id."""

NOBODY = 9223372036854775807
"""An id that no sequence will reach."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def new_user(api: Api) -> int:
    """Create a user; returns the id."""
    fields = {"name": "Ada Lovelace", "email": f"{unique('ada')}@example.org"}
    return expect(api.post("/users", json=fields), 201).json()["id"]


def product_fields(**changes: object) -> Fields:
    """Make a valid body for a product that nobody has yet."""
    return {"sku": unique("SKU").upper(), "name": "Tea", "price": 250, "stock": 10} | changes


def new_product(api: Api, **changes: object) -> Fields:
    """Create a product and return it as the server sees it."""
    return expect(api.post("/products", json=product_fields(**changes)), 201).json()


def new_products(api: Api, *stocks: int, price: int = 250) -> list[int]:
    """Create a product for each stock; returns their ids, ascending."""
    return sorted(new_product(api, stock=stock, price=price)["id"] for stock in stocks)


def order_fields(user_id: int, items: dict[int, int]) -> Fields:
    """Make the body of an order for so many pieces of each product, in this order."""
    lines = [{"product_id": product, "quantity": asked} for product, asked in items.items()]
    return {"user_id": user_id, "items": lines}


def ask(api: Api, user_id: int, items: dict[int, int], key: str | None = None) -> Answer:
    """Ask for an order, under a key of its own unless one is given."""
    headers = {"Idempotency-Key": key or unique("key")}
    return api.post("/orders", json=order_fields(user_id, items), headers=headers)


def new_order(api: Api, user_id: int, items: dict[int, int]) -> Fields:
    """Place an order and return it as the server sees it."""
    return expect(ask(api, user_id, items), 201).json()


def cancel(api: Api, order_id: int) -> Answer:
    """Cancel an order."""
    return api.post(f"/orders/{order_id}/cancel")


def restock(api: Api, product_id: int, quantity: int, key: str | None = None) -> Answer:
    """Add pieces to a product's stock."""
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(f"/products/{product_id}/restock", json={"quantity": quantity}, headers=headers)


def stock_of(api: Api, product_id: int) -> int:
    """Read how many pieces there are."""
    return expect(api.get(f"/products/{product_id}"), 200).json()["stock"]


def pages(api: Api, path: str, **params: object) -> list[Fields]:
    """Walk a keyset list to its end and return all its items."""
    found: list[Fields] = []
    cursor: Fields = {}
    while True:
        page = expect(api.get(path, params=params | cursor), 200).json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def movements_of(api: Api, product_id: int) -> list[Fields]:
    """Read all of a product's ledger, newest first."""
    return pages(api, f"/products/{product_id}/movements", limit=100)


def orders_of(api: Api, user_id: int) -> list[Fields]:
    """Read all of a user's orders, newest first."""
    return pages(api, "/orders", user_id=user_id, limit=100)


def expect_books(api: Api, *product_ids: int) -> None:
    """Expect of each product that its stock is not negative and is the sum of its movements."""
    for product_id in product_ids:
        stock = stock_of(api, product_id)
        moved = sum(movement["quantity"] for movement in movements_of(api, product_id))
        if stock != moved or stock < 0:
            raise Mismatch(f"product {product_id}: stock is {stock}, its movements sum to {moved}")


def expect_short(answer: Answer, *short: tuple[int, int, int]) -> None:
    """Expect 409 that names exactly these products, each with what was asked and available."""
    expect_problem(answer, 409, "out_of_stock")
    shortages = answer.json()["shortages"]
    got = sorted((each["product_id"], each["asked"], each["available"]) for each in shortages)
    if got != sorted(short):
        raise Mismatch(f"shortages (product, asked, available): expected {short}, got {got}")


def expect_whole(order: Fields) -> None:
    """Expect an order to have lines, by product id, that add up to its total."""
    lines = order["items"]
    total = sum(line["quantity"] * line["unit_price"] for line in lines)
    if not lines or total != order["total"]:
        raise Mismatch(f"order {order['id']}: total is {order['total']}, its lines make {total}")
    products = [line["product_id"] for line in lines]
    if products != sorted(set(products)):
        raise Mismatch(f"order {order['id']}: lines of products {products}, expected ascending")


def ids(answer: Answer) -> list[int]:
    """Read the ids of a list's items, in their order."""
    return [item["id"] for item in answer.json()["items"]]


def expect_members(row: Fields, *names: str) -> None:
    """Expect exactly these members."""
    if set(row) != set(names):
        raise Mismatch(f"members: expected {sorted(names)}, got {sorted(row)}")


def expect_time(text: object) -> None:
    """Expect RFC 3339 in UTC with Z, and a fraction unless it is zero."""
    if not (isinstance(text, str) and _TIME.fullmatch(text)):
        raise Mismatch(f"time: expected the form 2026-01-31T09:30:00.000000Z, got {text!r}")
