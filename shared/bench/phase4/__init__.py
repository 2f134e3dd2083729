"""Layers beside the same shop without them: what a call through each of them costs.

Five requests that take different ways: one row that anybody may see, one row and whose it is, two
kinds of page, and the one that writes.
"""

from shared.bench.plan import PeerPhase, Request

PEER = PeerPhase(
    number=3,
    people=99,
    environment={
        "BCRYPT_COST": "4",  # nobody's password is measured
        "ACCESS_TOKEN_LIFETIME": "7200",  # longer than any run
    },
)

_ORDER = """{"items": [
{"product_id": <1-5000>, "quantity": 1}, {"product_id": <5001-10000>, "quantity": 2}]}"""

REQUESTS = (
    Request("one product by id", "/products/<1-10000>", "", must=0.95, aim=1.0),
    Request("one's own order by id", "/orders/<user><0-9><0-9>", "", must=0.95, aim=1.0),
    Request("one's own 20 newest orders", "/orders?limit=20", "", must=0.95, aim=1.0),
    Request("a search for products", "/products?q=<1000-9999>", "", must=0.95, aim=1.0),
    Request("an order of 2 lines", "/orders", "", must=0.95, aim=1.0, body=_ORDER),
)
