"""Races: many at once, judged by all their answers and by the books when they are through."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from shared.contracts.kit import (
    Answer,
    Api,
    Mismatch,
    check,
    expect,
    expect_problem,
    raced,
    tally,
    unique,
)

from .givens import (
    Fields,
    ask,
    cancel,
    expect_books,
    expect_short,
    expect_whole,
    new_order,
    new_product,
    new_products,
    new_user,
    orders_of,
    product_fields,
    restock,
    stock_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 12
"""Rounds after which a race that can be lost has been lost."""

LARGE_ROUNDS = 8
"""Rounds of large orders, of which nine in ten overlap inside the database."""


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    """Let each call's request arrive in the same instant."""
    return raced(len(calls), lambda place: calls[place]())


def placed_and_refused(answers: list[Answer]) -> tuple[list[Fields], list[Answer]]:
    """Part orders that were placed from those that were short; nothing else may have come."""
    placed: list[Fields] = []
    refused: list[Answer] = []
    for answer in answers:
        if answer.status == 201:
            placed.append(answer.json())
        else:
            expect_problem(answer, 409, "out_of_stock")
            refused.append(answer)
    return placed, refused


def insist(api: Api, user_id: int, items: dict[int, int]) -> Answer:
    """Ask for an order, and once more with the same key if the shop is overloaded for now."""
    key = unique("key")
    answer = ask(api, user_id, items, key)
    return ask(api, user_id, items, key) if answer.status == 503 else answer


def expect_sold(api: Api, orders: list[Fields], stock: dict[int, int]) -> None:
    """Expect that what the orders hold is what is gone, that they are whole, and the books."""
    for order in orders:
        expect_whole(order)
        expect(api.get(f"/orders/{order['id']}"), 200, json=order)
    for product, before in stock.items():
        sold = sum(
            line["quantity"]
            for order in orders
            for line in order["items"]
            if line["product_id"] == product
        )
        left = stock_of(api, product)
        if before - sold != left:
            raise Mismatch(f"product {product}: {sold} of {before} were sold, and {left} are left")
    expect_books(api, *stock)


@check(
    "P2-RACE-01",
    needs=("P2-ORD-04",),
    hint="Between reading how many there are and taking one, others read it as well.",
)
def test_the_last_pieces_are_sold_once(api: Api) -> None:
    """Two hundred at once want one of ten pieces: ten get one, the others are told it is gone."""
    for _ in range(3):
        user, product = new_user(api), new_product(api, stock=10)["id"]

        answers = raced(200, lambda _, u=user, p=product: insist(api, u, {p: 1}))

        placed, refused = placed_and_refused(answers)
        assert (len(placed), len(refused)) == (10, 190), f"of 10 pieces {len(placed)} were sold"
        expect_sold(api, placed, {product: 10})


@check(
    "P2-RACE-02",
    needs=("P2-RACE-01",),
    hint="Two orders want the same two products, in opposite order. Who waits for whom?",
)
def test_mixed_orders_of_the_last_pieces_are_whole(api: Api) -> None:
    """Two hundred orders of one to four lines in any order for the last pieces: none oversells."""
    users = [new_user(api) for _ in range(4)]
    products = new_products(api, 40, 25, 60, 10, 33)
    stock = {product: stock_of(api, product) for product in products}
    dice = random.Random(7)  # noqa: S311 -- the same orders in every run
    wanted = [
        {
            product: dice.randint(1, 3)
            for product in dice.sample(products, dice.choice((1, 1, 2, 2, 3, 4)))
        }
        for _ in range(200)
    ]

    answers = raced(200, lambda n: insist(api, users[n % 4], wanted[n]))

    placed, refused = placed_and_refused(answers)
    assert placed, "nothing was sold"
    assert refused, "more was sold than there was"
    for answer in refused:
        for short in answer.json()["shortages"]:
            assert short["available"] < short["asked"], "what is there is no shortage"
    expect_sold(api, placed, stock)
    listed = [order["id"] for user in users for order in orders_of(api, user)]
    assert sorted(listed) == sorted(order["id"] for order in placed), (
        "the orders listed are not those that were acknowledged"
    )


@check(
    "P2-RACE-03",
    needs=("P2-RACE-01",),
    hint="Locks taken in the order of the request meet locks taken in the opposite order.",
)
def test_opposite_orders_dont_block_each_other(api: Api) -> None:
    """Two hundred orders of the same eight products, each in its own order: all are placed."""
    user, products = new_user(api), new_products(api, *[500] * 8)
    dice = random.Random(3)  # noqa: S311 -- the same
    wanted = [dict.fromkeys(dice.sample(products, 8), 1) for _ in range(200)]

    answers = raced(200, lambda n: insist(api, user, wanted[n]))

    tally(answers, s201=200)
    expect_sold(api, [answer.json() for answer in answers], dict.fromkeys(products, 500))


@check("P2-RACE-04", needs=("P2-CAN-02",), hint="Both looked at the status. Both saw: placed.")
def test_one_of_many_cancellations_gives_back(api: Api) -> None:
    """Sixteen cancel one order at once: all get 200, and its pieces come back once."""
    for _ in range(ROUNDS):
        user, (one, other) = new_user(api), new_products(api, 9, 9)
        order = new_order(api, user, {one: 3, other: 2})["id"]

        answers = at_once(*[lambda order=order: cancel(api, order)] * 16)

        tally(answers, s200=16)
        assert (stock_of(api, one), stock_of(api, other)) == (9, 9), "more came back than was sold"
        expect_books(api, one, other)


@check(
    "P2-RACE-05",
    needs=("P2-RACE-01", "P2-RST-01"),
    hint="stock = 17 and stock = stock + 7 are two different wishes.",
)
def test_orders_race_with_restocks(api: Api) -> None:
    """Orders and deliveries of one product at once: nothing that came or went is forgotten."""
    for _ in range(ROUNDS):
        user, product = new_user(api), new_product(api, stock=20)["id"]

        answers = raced(
            16,
            lambda n, u=user, p=product: ask(api, u, {p: 1}) if n % 2 else restock(api, p, 5),
        )

        tally(answers, s201=8, s200=8)
        assert stock_of(api, product) == 20 - 8 + 8 * 5
        expect_books(api, product)


@check(
    "P2-RACE-06",
    needs=("P2-RACE-04", "P2-ORD-04"),
    hint="Pieces that are on their way back are sold to nobody, or to one.",
)
def test_orders_race_with_a_cancellation(api: Api) -> None:
    """The last pieces are cancelled while eight want them: at most one gets them."""
    for _ in range(ROUNDS):
        user, product = new_user(api), new_product(api, stock=2)["id"]
        order = new_order(api, user, {product: 2})["id"]

        cancelled, *answers = at_once(
            lambda order=order: cancel(api, order),
            *[lambda u=user, p=product: ask(api, u, {p: 2})] * 8,
        )

        expect(cancelled, 200)
        placed, _ = placed_and_refused(answers)
        assert len(placed) <= 1, "the same pieces were sold twice"
        assert stock_of(api, product) == (0 if placed else 2)
        expect_books(api, product)


@check(
    "P2-RACE-07",
    needs=("P2-ORD-13",),
    hint="The price of a line and the price in the total: read once, or twice?",
)
def test_prices_change_while_orders_are_placed(api: Api) -> None:
    """Orders placed while prices change: each adds up, at prices that were valid."""
    user, (one, other) = new_user(api), new_products(api, 1000, 1000, price=100)
    prices = {100}
    for price in range(101, 101 + ROUNDS):
        prices.add(price)

        answers = at_once(
            *[
                lambda product=product, price=price: api.patch(
                    f"/products/{product}", json={"price": price}
                )
                for product in (one, other)
            ],
            *[lambda: ask(api, user, {one: 3, other: 2})] * 8,
        )

        tally(answers, s200=2, s201=8)
        for answer in answers[2:]:
            order = answer.json()
            expect_whole(order)
            got = {line["unit_price"] for line in order["items"]}
            assert got <= prices, f"unit prices {got} were never valid"
            expect(api.get(f"/orders/{order['id']}"), 200, json=order)


@check("P2-RACE-08", needs=("P2-PRD-03",), hint="Between looking whether it's free and taking it…")
def test_one_of_many_gets_a_sku(api: Api) -> None:
    """Sixteen at once ask for one SKU: one gets 201, fifteen get 409."""
    for _ in range(ROUNDS):
        fields = product_fields()

        answers = raced(16, lambda _, new=fields: api.post("/products", json=new))

        tally(answers, s201=1, s409=15)
        expect(api.get("/products", params={"sku": fields["sku"]}), 200, json={"total": 1})


@check(
    "P2-RACE-09",
    needs=("P2-RST-02",),
    hint="Sixteen lorries with one delivery note: how many deliveries is that?",
)
def test_retries_of_a_restock_at_once_count_once(api: Api) -> None:
    """Sixteen restocks with one key at once add the pieces once."""
    for _ in range(ROUNDS):
        product, key = new_product(api, stock=1)["id"], unique("key")

        answers = at_once(*[lambda p=product, k=key: restock(api, p, 5, k)] * 16)

        for answer in answers:
            if answer.status != 200:
                expect_problem(answer, 409, "request_in_flight")
        expect(restock(api, product, 5, key), 200)
        assert stock_of(api, product) == 6
        expect_books(api, product)


@check(
    "P2-RACE-10",
    needs=("P2-RACE-02", "P2-RACE-05", "P2-RACE-06", "P2-RACE-07"),
    hint="Everything at once, and then the books.",
)
def test_a_busy_hour_leaves_the_books_balanced(api: Api) -> None:
    """Orders, cancellations, deliveries and price changes at once: totals and ledger agree."""
    user, products = new_user(api), new_products(api, 30, 30, 30)
    earlier = [new_order(api, user, {product: 2})["id"] for product in products * 4]
    dice = random.Random(11)  # noqa: S311 -- the same
    wanted = [dice.sample(products, 2) for _ in range(100)]

    def one_of_many(n: int) -> Answer:
        product = products[n % 3]
        match n % 5:
            case 0:
                return cancel(api, earlier[n // 5 % len(earlier)])
            case 1:
                return restock(api, product, 3)
            case 2:
                return api.patch(f"/products/{product}", json={"price": 250 + n})
            case _:
                one, other = wanted[n]
                return insist(api, user, {one: 2, other: 1})

    for answer in raced(100, one_of_many):
        if answer.status not in {200, 201}:
            expect_problem(answer, 409, "out_of_stock")

    expect_books(api, *products)
    for listed in orders_of(api, user):
        expect_whole(expect(api.get(f"/orders/{listed['id']}"), 200, json=listed).json())


@check(
    "P2-RACE-11",
    needs=("P2-RACE-01", "P2-ORD-05"),
    hint="A large order has looked and is busy for a while. What do the others see meanwhile?",
)
def test_large_orders_of_the_last_pieces_are_sold_once(api: Api) -> None:
    """Twelve want two scarce products among thirty others: two get all, ten hear which are gone."""
    user = new_user(api)
    firsts = new_products(api, *[5] * LARGE_ROUNDS)
    others = new_products(api, *[1000] * 30)
    lasts = new_products(api, *[5] * LARGE_ROUNDS)
    for first, last in zip(firsts, lasts, strict=True):
        basket = {first: 2} | dict.fromkeys(others, 1) | {last: 2}

        answers = raced(12, lambda _, wanted=basket: insist(api, user, wanted))

        placed, refused = placed_and_refused(answers)
        for answer in refused:
            expect_short(answer, (first, 2, 1), (last, 2, 1))
        assert len(placed) == 2, f"{len(placed)} orders got two of five pieces"
        expect_sold(api, placed, {first: 5, last: 5})
    expect_books(api, *others)
    sold = 2 * LARGE_ROUNDS
    assert [stock_of(api, product) for product in others] == [1000 - sold] * len(others)
