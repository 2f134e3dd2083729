"""Who takes part in an attack: people with an account, a token or a cookie, and an admin."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from phase4_layered.tests import people
from phase4_layered.tests.conftest import new_sku

if TYPE_CHECKING:
    import httpx

PASSWORD = "correct horse battery staple"  # noqa: S105 -- of all who sign up here


@dataclass(frozen=True, slots=True)
class Person(people.Person):
    """Somebody with an account, and the tokens of a login."""

    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries to be known as coming from this person."""
        return {"Authorization": f"Bearer {self.token}"}


def sign_up(http: httpx.Client, name: str = "Mallory") -> Person:
    """Open an account and log in."""
    email = f"{name}.{secrets.token_hex(8)}@example.com".lower()
    answer = http.post("/auth/signup", json={"name": name, "email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return log_in(http, people.Person(answer.json()["id"], email, PASSWORD))


def log_in(http: httpx.Client, person: people.Person) -> Person:
    """Log in by tokens."""
    tokens = people.log_in(http, person)
    return Person(person.id, person.email, person.password, tokens.access, tokens.refresh)


def new_product(http: httpx.Client, admin: Person, **fields: object) -> dict[str, Any]:
    """Put a product on sale."""
    product = {"sku": new_sku(), "name": "Tea", "price": 250, "stock": 1000, **fields}
    answer = http.post("/products", json=product, headers=admin.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def new_order(http: httpx.Client, buyer: Person, product_id: int) -> dict[str, Any]:
    """Order one piece of a product."""
    order = {"items": [{"product_id": product_id, "quantity": 1}]}
    headers = {**buyer.headers, "Idempotency-Key": secrets.token_hex(8)}
    answer = http.post("/orders", json=order, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all that an answer tells, but for when it was sent and its number."""
    of_its_own = {"date", "x-request-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in of_its_own}
    return answer.status_code, answer.content, headers
