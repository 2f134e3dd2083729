"""Every route that is not for everybody, with a request that an admin would be granted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.kit import unique
from shared.contracts.phase2.givens import product_fields

from .givens import new_password

if TYPE_CHECKING:
    from shared.contracts.kit import Answer, Api

PUBLIC = ("/healthz", "/readyz", "/products")
"""What anybody may GET, besides each product."""


@dataclass(frozen=True, slots=True)
class Route:
    """A request to a route; without a body if there is none."""

    method: str
    path: str
    body: object = ...

    def __str__(self) -> str:
        """Name it as in a request line."""
        return f"{self.method} {self.path}"


def send(api: Api, route: Route) -> Answer:
    """Make a route's request, with an Idempotency-Key of its own where it changes something."""
    key = {"Idempotency-Key": unique("key")}
    match route.method:
        case "POST":
            return api.post(route.path, json=route.body, headers=key)
        case "PUT":
            return api.put(route.path, json=route.body)
        case "PATCH":
            return api.patch(route.path, json=route.body)
        case _:
            return api.request(route.method, route.path)


def for_users(user: int, product: int, order: int) -> list[Route]:
    """List what everybody who is known may ask for, of their own."""
    line = {"product_id": product, "quantity": 1}
    passwords = {"current_password": new_password(), "new_password": new_password()}
    return [
        Route("GET", "/auth/me"),
        Route("GET", "/auth/session"),
        Route("POST", "/auth/logout"),
        Route("POST", "/auth/logout-everywhere"),
        Route("POST", "/auth/password", passwords),
        Route("GET", f"/users/{user}"),
        Route("PATCH", f"/users/{user}", {"name": "Countess"}),
        Route("GET", f"/users/{user}/summary"),
        Route("GET", "/orders"),
        Route("POST", "/orders", {"items": [line]}),
        Route("GET", f"/orders/{order}"),
        Route("POST", f"/orders/{order}/cancel"),
    ]


def for_admins(user: int, product: int) -> list[Route]:
    """List what only admins may ask for."""
    person = {"name": "Eve", "email": f"{unique('eve')}@example.org"}
    return [
        Route("GET", "/users"),
        Route("POST", "/users", person),
        Route("PUT", f"/users/{user}", person),
        Route("DELETE", f"/users/{user}"),
        Route("PUT", f"/users/{user}/role", {"role": "admin"}),
        Route("DELETE", f"/users/{user}/sessions"),
        Route("POST", "/products", product_fields()),
        Route("PATCH", f"/products/{product}", {"price": 1}),
        Route("POST", f"/products/{product}/restock", {"quantity": 5}),
        Route("GET", f"/products/{product}/movements"),
        Route("GET", "/reports/best-sellers"),
    ]
