"""A shop of dicts beside the real one: whatever is done to both, they answer and hold the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType] -- it has no annotations
)

from .conftest import ask_order, books_balance, new_key, new_product, new_user

PRICES = some.integers(0, 100_000_000)
STOCKS = some.integers(0, 12)
FEW = some.integers(1, 6)  # of stocks that are as small, so that they run out

Items = dict[int, int]  # the product, and how many of it
Sent = tuple[str, Items, httpx.Response]  # the key, what was asked for, what was answered
NOTHING: MultipleResults[Sent] = multiple()


@dataclass
class Shelf:
    """What the model knows of a product."""

    price: int
    stock: int = 0
    moved: list[list[str | int]] = field(default_factory=list[list[str | int]])

    def move(self, reason: str, quantity: int) -> None:
        """Change the stock, and write down why."""
        self.stock += quantity
        self.moved.append([reason, quantity])


@dataclass
class Sold:
    """What the model knows of an order."""

    status: str
    total: int
    lines: list[list[int]]  # product, quantity and price of each, by product


class Shop(RuleBasedStateMachine):
    """Does to both shops the same, in any order."""

    http: httpx.Client
    conn: psycopg.Connection[Any]

    products: Bundle[int] = Bundle("products")
    sent: Bundle[Sent] = Bundle("sent")

    @initialize()
    def open(self) -> None:
        """Begin with a customer and nothing to sell; what others left in the database stays."""
        self.user = new_user(self.http)
        self.shelves: dict[int, Shelf] = {}
        self.sold: dict[int, Sold] = {}

    @rule(target=products, stock=STOCKS, price=PRICES)
    def create(self, stock: int, price: int) -> int:
        """Offer a new product."""
        product = new_product(self.http, stock, price)
        self.shelves[product] = Shelf(price)
        if stock:
            self.shelves[product].move("initial", stock)
        return product

    @rule(product=products, price=PRICES)
    def change_price(self, product: int, price: int) -> None:
        """Change what it costs from now on."""
        answer = self.http.patch(f"/products/{product}", json={"price": price, "name": str(price)})
        assert answer.status_code == 200
        self.shelves[product].price = price

    @rule(product=products, quantity=FEW, times=some.integers(1, 3))
    def restock(self, product: int, quantity: int, times: int) -> None:
        """Bring pieces, and say so once or more often, with the same key."""
        key = {"Idempotency-Key": new_key()}
        self.shelves[product].move("restock", quantity)
        for _ in range(times):
            answer = self.http.post(
                f"/products/{product}/restock", json={"quantity": quantity}, headers=key
            )
            assert answer.status_code == 200
            assert answer.json()["quantity"] == quantity

    @rule(target=sent, items=some.dictionaries(products, FEW, min_size=1, max_size=3))
    def order(self, items: Items) -> Sent | MultipleResults[Sent]:
        """Order what may be there or not."""
        key = new_key()
        answer = ask_order(self.http, self.user, items, key)
        if shortages := self._shortages(items):
            assert answer.status_code == 409
            assert answer.json()["shortages"] == shortages
            return NOTHING
        assert answer.status_code == 201, answer.text
        self._sell(answer.json()["id"], items)
        return key, items, answer

    @rule(sent=sent)
    def order_again(self, sent: Sent) -> None:
        """Repeat an order with its key, whatever has become of it, of prices and of stocks."""
        key, items, first = sent
        again = ask_order(self.http, self.user, items, key)
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"

    @rule(sent=sent)
    def order_more_with_the_same_key(self, sent: Sent) -> None:
        """Use a key for another order."""
        key, items, _ = sent
        more = {each: items[each] + 1 for each in items}
        answer = ask_order(self.http, self.user, more, key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    @rule(sent=sent)
    def cancel(self, sent: Sent) -> None:
        """Cancel an order that may be cancelled already."""
        number = sent[2].json()["id"]
        answer = self.http.post(f"/orders/{number}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        if self.sold[number].status == "placed":
            self.sold[number].status = "cancelled"
            for product, quantity, _ in self.sold[number].lines:
                self.shelves[product].move("cancel", quantity)

    @invariant()
    def both_hold_the_same(self) -> None:
        """Compare stocks and prices, ledgers, and orders."""
        shelves = self.conn.execute(SHELVES, [list(self.shelves)]).fetchall()
        assert {number: Shelf(*held) for number, *held in shelves} == self.shelves
        orders = self.conn.execute(ORDERS, [self.user]).fetchall()
        assert {number: Sold(*held) for number, *held in orders} == self.sold

    def _shortages(self, items: Items) -> list[dict[str, int]]:
        return [
            {"product_id": each, "asked": items[each], "available": self.shelves[each].stock}
            for each in sorted(items)
            if items[each] > self.shelves[each].stock
        ]

    def _sell(self, number: int, items: Items) -> None:
        lines = [[each, items[each], self.shelves[each].price] for each in sorted(items)]
        total = sum(quantity * price for _, quantity, price in lines)
        self.sold[number] = Sold("placed", total, lines)
        for product, quantity, _ in lines:
            self.shelves[product].move("order", -quantity)


SHELVES = """
    SELECT products.id, products.price, products.stock,
           COALESCE(jsonb_agg(jsonb_build_array(moved.reason, moved.quantity) ORDER BY moved.id)
                        FILTER (WHERE moved.id IS NOT NULL), '[]')
      FROM products
      LEFT JOIN stock_movements AS moved ON moved.product_id = products.id
     WHERE products.id = ANY(%s)
     GROUP BY products.id
    """

ORDERS = """
    SELECT orders.id, orders.status, orders.total,
           jsonb_agg(jsonb_build_array(line.product_id, line.quantity, line.unit_price)
                     ORDER BY line.product_id)
      FROM orders
      LEFT JOIN order_items AS line ON line.order_id = orders.id
     WHERE orders.user_id = %s
     GROUP BY orders.id
    """


def test_the_shop_does_what_a_model_of_dicts_does(http: httpx.Client, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as conn:
        shop = type("Shop", (Shop,), {"http": http, "conn": conn})

        run_state_machine_as_test(
            shop, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
        )

        books_balance(conn)
