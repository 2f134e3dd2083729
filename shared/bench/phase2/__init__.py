"""Writing: an order of two lines, where hardly anybody meets anybody and where everybody does."""

from shared.bench.plan import Request

_ORDER = """{"user_id": <1-1000>, "items": [
{"product_id": %s, "quantity": 1}, {"product_id": <5001-10000>, "quantity": 2}]}"""

REQUESTS = (
    Request(
        "order of 2 lines, many products",
        "/orders",
        "order.sql",
        must=1.8,
        aim=2.2,
        body=_ORDER % "<1-5000>",
        variables=("hottest=5000",),
    ),
    Request(
        "order of 2 lines, one hot product",
        "/orders",
        "order.sql",
        must=1.2,
        aim=1.5,
        body=_ORDER % "1",
        variables=("hottest=1",),
    ),
)
