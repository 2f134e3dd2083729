"""The Idempotency-Key: a request that may be sent twice and counts once."""

from __future__ import annotations

import json

from shared.contracts.kit import (
    Answer,
    Api,
    check,
    expect,
    expect_problem,
    raced,
    raced_in_rounds,
    unique,
)

from .givens import (
    ask,
    cancel,
    expect_books,
    expect_short,
    new_product,
    new_products,
    new_user,
    order_fields,
    orders_of,
    restock,
    stock_of,
)

REPLAYED = {"Idempotent-Replayed": "true"}

RETRIED = 200
"""Orders after which one has been retried in the very moment of its COMMIT."""


@check("P2-IDM-01", needs=("P2-ORD-01",), hint="Without a key, what is a retry?")
def test_an_order_needs_a_key(api: Api) -> None:
    """POST /orders without an Idempotency-Key is 400 idempotency_key_missing; nothing is taken."""
    user, product = new_user(api), new_product(api)["id"]

    answer = api.post("/orders", json=order_fields(user, {product: 1}))

    expect_problem(answer, 400, "idempotency_key_missing")
    assert stock_of(api, product) == 10


@check("P2-IDM-02", needs=("P2-IDM-01",), hint="A header is text from a stranger, too.")
def test_a_bad_key_is_400(api: Api) -> None:
    """An empty, over-long or malformed key is 400 invalid_idempotency_key; nothing is taken."""
    user, product = new_user(api), new_product(api)["id"]

    for bad in ("", '""', "a" * 256, "two words", 'half"', '"half', "a,b", "[x]", "a\\b"):
        answer = ask_with(api, bad, user, product)
        expect_problem(answer, 400, "invalid_idempotency_key")

    assert stock_of(api, product) == 10
    expect(ask_with(api, unique("k" * 200), user, product), 201)


@check(
    "P2-IDM-03",
    needs=("P2-ORD-02",),
    hint="The answer got lost. What does the client send, and what must it get?",
)
def test_a_retry_gets_the_same_answer(api: Api) -> None:
    """The same key and payload again: the same 201, Location and body, and nothing is done."""
    user, product, key = new_user(api), new_product(api)["id"], unique("key")
    first = expect(ask(api, user, {product: 2}, key), 201, headers={"Idempotent-Replayed": None})

    for _ in range(3):
        again = expect(ask(api, user, {product: 2}, key), 201, headers=REPLAYED)
        assert again.body == first.body, "the retry was answered differently"
        assert again.headers["Location"] == first.headers["Location"]

    assert stock_of(api, product) == 8
    assert len(orders_of(api, user)) == 1
    expect_books(api, product)


@check("P2-IDM-04", needs=("P2-IDM-03",), hint="The same key: the same text, or the same value?")
def test_a_key_may_be_quoted(api: Api) -> None:
    """A key in quotes, as the draft writes it, and without are the same key."""
    user, product, key = new_user(api), new_product(api)["id"], unique("key")
    first = expect(ask(api, user, {product: 1}, key), 201)

    again = expect(ask(api, user, {product: 1}, f'"{key}"'), 201, headers=REPLAYED)

    assert again.body == first.body


@check("P2-IDM-05", needs=("P2-IDM-03",), hint="When are two JSON texts the same request?")
def test_the_spelling_of_the_payload_does_not_matter(api: Api) -> None:
    """White space and the order of members may differ in a retry."""
    user, product, key = new_user(api), new_product(api)["id"], unique("key")
    first = expect(ask(api, user, {product: 1}, key), 201)
    line = {"quantity": 1, "product_id": product}
    respelt = json.dumps({"items": [line], "user_id": user}, indent=3).encode()
    headers = {"Idempotency-Key": key, "Content-Type": "application/json"}

    again = expect(api.post("/orders", content=respelt, headers=headers), 201, headers=REPLAYED)

    assert again.body == first.body


@check(
    "P2-IDM-06",
    needs=("P2-IDM-03",),
    hint="The sender believes that this order was placed. Which answer would be the worst?",
)
def test_a_key_is_for_one_payload(api: Api) -> None:
    """A used key with another payload is 422 idempotency_key_reused, and nothing is taken."""
    user, key = new_user(api), unique("key")
    one, two = new_product(api)["id"], new_product(api)["id"]
    expect(ask(api, user, {one: 1}, key), 201)

    for items in ({one: 2}, {two: 1}):
        expect_problem(ask(api, user, items, key), 422, "idempotency_key_reused")

    assert (stock_of(api, one), stock_of(api, two)) == (9, 10)
    assert len(orders_of(api, user)) == 1


@check(
    "P2-IDM-07",
    needs=("P2-IDM-03", "P2-ORD-04", "P2-RST-01"),
    hint="A refusal changed nothing. Why remember it?",
)
def test_a_refused_order_keeps_no_key(api: Api) -> None:
    """An order refused as short or invalid can be sent again with its key, and is judged anew."""
    user, product, key = new_user(api), new_product(api, stock=0)["id"], unique("key")
    expect_short(ask(api, user, {product: 1}, key), (product, 1, 0))
    expect_problem(ask(api, user, {product: 0}, key), 422, "invalid_payload")
    expect(restock(api, product, 1), 200)

    expect(ask(api, user, {product: 1}, key), 201, headers={"Idempotent-Replayed": None})

    expect_books(api, product)


@check(
    "P2-IDM-08",
    needs=("P2-IDM-03", "P2-CAN-01", "P2-PRD-05"),
    hint="A retry stands in for the answer that got lost, not for how things are by now.",
)
def test_a_retry_is_told_what_was_answered(api: Api) -> None:
    """After the order was cancelled and the product changed, a retry gets the first answer."""
    user, product, key = new_user(api), new_product(api)["id"], unique("key")
    first = expect(ask(api, user, {product: 2}, key), 201)
    expect(cancel(api, first.json()["id"]), 200)
    expect(api.patch(f"/products/{product}", json={"price": 1, "name": "Chai"}), 200)

    again = expect(ask(api, user, {product: 2}, key), 201, headers=REPLAYED)

    assert again.body == first.body, "the retry was answered differently"
    assert stock_of(api, product) == 10, "the retry took pieces again"


@check(
    "P2-IDM-09",
    needs=("P2-IDM-03",),
    hint="Fifty retries arrive before the first is done. What does the second one find?",
)
def test_fifty_retries_at_once_are_one_order(api: Api) -> None:
    """Fifty requests with one key at once: one order, and no answer but its 201 or 409 for now."""
    for _ in range(8):
        user, product, key = new_user(api), new_product(api, stock=60)["id"], unique("key")

        answers = raced(50, lambda _, u=user, p=product, k=key: ask(api, u, {p: 1}, k))

        bodies = {answer.body for answer in answers if answer.status == 201}
        for answer in answers:
            if answer.status != 201:
                expect_problem(answer, 409, "request_in_flight")
                assert int(answer.headers["Retry-After"]) >= 1
        again = expect(ask(api, user, {product: 1}, key), 201, headers=REPLAYED)
        assert bodies == {again.body}, "there is more than one answer"
        assert stock_of(api, product) == 59, "the order was counted more than once"
        assert len(orders_of(api, user)) == 1
        expect_books(api, product)


@check(
    "P2-IDM-10",
    needs=("P2-IDM-09", "P2-ORD-04"),
    hint="The last pieces are gone. To whom did they go?",
)
def test_retries_of_the_last_pieces_are_one_order(api: Api) -> None:
    """Eight requests with one key for all the pieces: none is told that there are too few."""
    user, products = new_user(api), new_products(api, *[5] * RETRIED)
    keys = [unique("key") for _ in products]

    def retry(turn: int, _: int) -> Answer:
        return ask(api, user, {products[turn]: 5}, keys[turn])

    rounds = raced_in_rounds(RETRIED, 8, retry)

    for product, answers in zip(products, rounds, strict=True):
        for answer in answers:
            if answer.status != 201:
                expect_problem(answer, 409, "request_in_flight")
        bodies = {answer.body for answer in answers if answer.status == 201}
        assert len(bodies) == 1, f"there are {len(bodies)} answers"
        assert stock_of(api, product) == 0
    assert len(orders_of(api, user)) == RETRIED


def ask_with(api: Api, key: str, user_id: int, product_id: int) -> Answer:
    """Ask for one piece under a key as it is."""
    fields = order_fields(user_id, {product_id: 1})
    return api.post("/orders", json=fields, headers={"Idempotency-Key": key})
