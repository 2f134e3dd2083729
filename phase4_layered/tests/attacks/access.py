"""Whom each operation lets in, and a request for each that nothing is wrong with.

The rules are written down here a second time, on purpose: a rule that is changed in one place only
is a mistake, and a route without a rule is a door that nobody has thought of.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from phase4_layered.tests.conftest import new_sku
from phase4_layered.tests.people import open_browser

from .people import new_order, new_product

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from .people import Person

    Document = Mapping[str, Any]

RULES: dict[str, str] = {
    "GET /healthz": "anyone",
    "GET /readyz": "anyone",
    "GET /products": "anyone",
    "GET /products/{product_id}": "anyone",
    "POST /auth/signup": "anyone",
    "POST /auth/login": "anyone",
    "POST /auth/refresh": "anyone",
    "POST /auth/session": "anyone",
    "GET /auth/oauth/login": "anyone",
    "GET /auth/oauth/callback": "anyone",
    "GET /auth/session": "somebody",
    "GET /auth/me": "somebody",
    "POST /auth/password": "somebody",
    "POST /auth/logout": "somebody",
    "POST /auth/logout-everywhere": "somebody",
    "POST /orders": "somebody",
    "GET /orders": "somebody",
    "GET /orders/{order_id}": "owner",
    "POST /orders/{order_id}/cancel": "owner",
    "GET /users/{user_id}": "owner",
    "PATCH /users/{user_id}": "owner",
    "GET /users/{user_id}/summary": "owner",
    "GET /users": "admin",
    "POST /users": "admin",
    "PUT /users/{user_id}": "admin",
    "DELETE /users/{user_id}": "admin",
    "PUT /users/{user_id}/role": "admin",
    "DELETE /users/{user_id}/sessions": "admin",
    "POST /products": "admin",
    "PATCH /products/{product_id}": "admin",
    "POST /products/{product_id}/restock": "admin",
    "GET /products/{product_id}/movements": "admin",
    "GET /reports/best-sellers": "admin",
}

ACTORS = ("anonymous", "stranger", "owner", "admin")

# What each is answered; 0 is what the document promises for success. Of others' things a stranger
# is told that there are none, and of doors that are not for him that they are shut.
ANSWERS: dict[str, tuple[int, int, int, int]] = {
    "anyone": (0, 0, 0, 0),
    "somebody": (401, 0, 0, 0),
    "owner": (401, 404, 0, 0),
    "admin": (401, 403, 403, 0),
}

CODES = {
    401: {"authentication_required"},
    403: {"forbidden"},
    404: {"user_not_found", "order_not_found"},
}


def disagreements(document: Document) -> list[str]:
    """Compare the rules with what a service says of itself in its OpenAPI document."""
    found = operations(document)
    said: dict[str, str] = {
        **dict.fromkeys(found.keys() - RULES.keys(), "has no rule"),
        **dict.fromkeys(RULES.keys() - found.keys(), "is not documented"),
    }
    for name in found.keys() & RULES.keys():
        if ("security" in found[name]) == (RULES[name] == "anyone"):
            said[name] = f"has the rule {RULES[name]!r}, and its document says otherwise"
    return [f"{name} {what}" for name, what in sorted(said.items())]


def operations(document: Document) -> dict[str, dict[str, Any]]:
    """List a document's operations under names such as "GET /users"."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def schema_of(operation: Mapping[str, Any]) -> str | None:
    """Name the schema of the body that an operation takes."""
    if "requestBody" not in operation:
        return None
    reference: str = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return reference.rpartition("/")[2]


@dataclass
class World:
    """An owner of things, a stranger, and an admin."""

    http: httpx.Client
    document: Document
    owner: Person
    stranger: Person
    admin: Person
    given: dict[str, int] = field(default_factory=dict[str, int])

    def person(self, actor: str) -> Person | None:
        """Tell who plays this part."""
        people = {"stranger": self.stranger, "owner": self.owner, "admin": self.admin}
        return people.get(actor)

    def identity(self, actor: str, by: str) -> dict[str, str]:
        """Tell what a request carries to come from an actor, by token or by cookie."""
        person = self.person(actor)
        if person is None:
            return {}
        return open_browser(self.http, person).headers if by == "cookie" else person.headers

    def path(self, template: str) -> str:
        """Fill in a path with the ids of the owner's things."""
        for parameter, make in THINGS.items():
            if f"{{{parameter}}}" in template:
                if parameter not in self.given:
                    self.given[parameter] = make(self)
                template = template.replace(f"{{{parameter}}}", str(self.given[parameter]))
        return template

    def body(self, name: str, person: Person | None = None) -> dict[str, Any] | None:
        """Make a body for an operation that nothing is wrong with; None if it takes none."""
        schema = schema_of(operations(self.document)[name])
        return BODIES[schema](self, person or self.owner) if schema else None

    def ask(
        self,
        name: str,
        headers: Mapping[str, str],
        person: Person | None = None,
        path: str | None = None,
        body: object = None,
    ) -> httpx.Response:
        """Ask for an operation, on the owner's things unless another path is given."""
        method, _, template = name.partition(" ")
        body = self.body(name, person) if body is None else body
        key = {"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {}
        return self.http.request(
            method, path or self.path(template), headers={**key, **headers}, json=body
        )

    def success(self, name: str) -> int:
        """Tell the status that an operation promises."""
        return min(int(status) for status in operations(self.document)[name]["responses"])


THINGS: dict[str, Callable[[World], int]] = {
    "user_id": lambda world: world.owner.id,
    "product_id": lambda world: new_product(world.http, world.admin)["id"],
    "order_id": lambda world: new_order(
        world.http, world.owner, new_product(world.http, world.admin)["id"]
    )["id"],
}

BODIES: dict[str, Callable[[World, Person], dict[str, Any]]] = {
    "SignUp": lambda _, person: {
        "name": "New",
        "email": f"new.{secrets.token_hex(8)}@example.com",
        "password": person.password,
    },
    "Credentials": lambda _, person: {"email": person.email, "password": person.password},
    "GivenToken": lambda _, person: {"refresh_token": person.refresh_token},
    "PasswordChange": lambda _, person: {
        "current_password": person.password,
        "new_password": person.password,
    },
    "NewRole": lambda _, __: {"role": "user"},
    "NewUser": lambda _, __: {"name": "New", "email": f"new.{secrets.token_hex(8)}@example.com"},
    "UserChanges": lambda _, __: {"name": "Another"},
    "NewProduct": lambda _, __: {"sku": new_sku(), "name": "Tea", "price": 250},
    "ProductChanges": lambda _, __: {"price": 300},
    "Restock": lambda _, __: {"quantity": 1},
    "NewOrder": lambda world, _: {
        "items": [{"product_id": new_product(world.http, world.admin)["id"], "quantity": 1}]
    },
}
