"""Who takes part in an attack: people with an account, a token or a cookie, and an admin."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

PASSWORD = "correct horse battery staple"  # noqa: S105 -- everybody's here
COOKIE = "__Host-session"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and the tokens of a login."""

    id: int
    email: str
    password: str
    token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a request carries to be known as coming from this person."""
        return {"Authorization": f"Bearer {self.token}"}


def sign_up(http: httpx.Client, name: str = "Mallory") -> Person:
    """Open an account and log in."""
    email = f"{name}.{secrets.token_hex(8)}@example.com".lower()
    told = {"name": name, "email": email, "password": PASSWORD}
    assert http.post("/auth/signup", json=told).status_code == 201
    return log_in(http, email, PASSWORD)


def log_in(http: httpx.Client, email: str, password: str) -> Person:
    """Log in by tokens."""
    answer = http.post("/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    token, refresh_token = answer.json()["access_token"], answer.json()["refresh_token"]
    me = http.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).raise_for_status()
    return Person(me.json()["id"], email, password, token, refresh_token)


def log_in_admin(http: httpx.Client, environment: Mapping[str, str]) -> Person:
    """Log in as the first admin."""
    return log_in(http, environment["ADMIN_EMAIL"], environment["ADMIN_PASSWORD"])


def ask_for_cookie(
    http: httpx.Client, email: str, password: str = PASSWORD, headers: Mapping[str, str] = {}
) -> httpx.Response:
    """Ask for a session with a cookie."""
    credentials = {"email": email, "password": password}
    return http.post("/auth/session", json=credentials, headers=headers)


def cookie_in(answer: httpx.Response) -> str:
    """Take the session's cookie out of an answer."""
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == COOKIE
    return value


def with_cookie(http: httpx.Client, person: Person) -> dict[str, str]:
    """Log in with a cookie; returns what a page of ours sends along with a request."""
    answer = ask_for_cookie(http, person.email, person.password)
    assert answer.status_code == 200, answer.text
    csrf_token: str = answer.json()["csrf_token"]
    return {"Cookie": f"{COOKIE}={cookie_in(answer)}", "X-CSRF-Token": csrf_token}


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


def new_sku() -> str:
    """Make a SKU that nobody has used."""
    return f"SKU-{secrets.token_hex(8).upper()}"


def told(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """Return all that an answer tells, but for when it was sent and its number."""
    of_its_own = {"date", "x-request-id"}
    headers = {name: value for name, value in answer.headers.items() if name not in of_its_own}
    return answer.status_code, answer.content, headers
