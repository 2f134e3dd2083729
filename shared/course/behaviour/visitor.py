"""Somebody who can use any route of a phase, from nothing but its OpenAPI document.

What a field or a parameter is called says what a good value for it is: that vocabulary is all that
is known here of users, posts and orders. A route that it is too small for is left out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.course.behaviour.api import operation, resolved
from shared.development import LIMITLESS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from shared.course.behaviour.api import Document

_MADE_BY = {
    "user_id": "POST /users",
    "post_id": "POST /posts",
    "comment_id": "POST /posts/{post_id}/comments",
    "product_id": "POST /products",
    "order_id": "POST /orders",
}
"""What an id in a path or a body is the id of, by the route that makes one."""

Words = dict[str, Callable[[], object]]

_WORDS: Words = {
    "name": lambda: "Ada",
    "email": lambda: f"ada.{secrets.token_hex(8)}@example.org",
    "title": lambda: "A title",
    "body": lambda: "A text.",
    "text": lambda: "A text.",
    "sku": lambda: f"SKU-{secrets.token_hex(8).upper()}",
    "price": lambda: 250,
    "stock": lambda: 10,
    "quantity": lambda: 1,
    "role": lambda: "user",
    "password": lambda: secrets.token_urlsafe(12),
}
_USEFUL = ("stock",)
"""Fields that may be left out, and without which others can't do with a row what they are for."""

_PASSWORDS = ("password", "current_password", "new_password")
_SIGNUP, _LOGIN, _SESSION = "/auth/signup", "/auth/login", "/auth/session"

SETTINGS = {"POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "1", "BCRYPT_COST": "4", **LIMITLESS}
"""How a service is to run: over one connection, and without a limit on how often one may come."""


class Unknown(Exception):
    """The route wants something that the vocabulary has no word for, or refuses what it has."""


@dataclass(frozen=True, slots=True)
class Asking:
    """In whose name a request is made: the headers that prove it, and words of their own."""

    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    words: Words = field(default_factory=lambda: _WORDS)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Makes requests; where a route is not for everybody, in the name of `admin`."""

    client: httpx.Client
    document: Document
    admin: Asking = Asking()

    def request(self, route: str) -> httpx.Request:
        """Make what the route needs, and then a request to it that should be granted."""
        method, path = route.split(" ")
        told = operation(self.document, route)
        asking = self._asking(path, told)
        needed = [each for each in told.get("parameters", []) if each.get("required")]
        ids = {each["name"]: self._value(each["name"], asking) for each in _in("path", needed)}
        query = {each["name"]: self._value(each["name"], asking) for each in _in("query", needed)}
        keys = {each["name"]: secrets.token_hex(16) for each in _in("header", needed)}
        return self.client.build_request(
            method,
            path.format(**ids),
            params={name: str(value) for name, value in query.items()},
            headers={**keys, **asking.headers},
            json=self._body(told, asking),
        )

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send it; a refusal is no measure of anything."""
        answer = self.client.send(request)
        if answer.is_error:
            raise Unknown(f"{request.method} {request.url.path}: {answer.status_code}")
        return answer

    def with_token(self, email: str, password: str) -> Asking:
        """Log somebody in as a program."""
        told = self._post(_LOGIN, email=email, password=password).json()
        return Asking({"Authorization": f"Bearer {told['access_token']}"})

    def with_cookie(self, email: str, password: str) -> Asking:
        """Log somebody in as a browser."""
        answer = self._post(_SESSION, email=email, password=password)
        cookie = answer.headers["set-cookie"].partition(";")[0]
        return Asking({"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf_token"]})

    def _asking(self, path: str, told: Document) -> Asking:
        """Be the admin; where accounts and logins change, somebody whom nobody needs later."""
        if not path.startswith("/auth/") or path == _SIGNUP or _SIGNUP not in self._paths():
            return self.admin if "security" in told else Asking()
        email, password = str(_WORDS["email"]()), str(_WORDS["password"]())
        self._post(_SIGNUP, name="Ada", email=email, password=password)
        words = self._words_of(email, password)
        if "security" not in told:
            return Asking(words=words)
        log_in = self.with_cookie if path == _SESSION else self.with_token
        return Asking(log_in(email, password).headers, words)

    def _words_of(self, email: str, password: str) -> Words:
        def refresh_token() -> object:
            return self._post(_LOGIN, email=email, password=password).json()["refresh_token"]

        passwords = dict.fromkeys(_PASSWORDS, lambda: password)
        return {**_WORDS, **passwords, "email": lambda: email, "refresh_token": refresh_token}

    def _paths(self) -> Document:
        return self.document["paths"]

    def _post(self, path: str, **fields: str) -> httpx.Response:
        return self.send(self.client.build_request("POST", path, json=fields))

    def _body(self, told: Document, asking: Asking) -> object:
        content = told.get("requestBody", {}).get("content", {})
        return self._filled(content["application/json"]["schema"], asking) if content else None

    def _filled(self, schema: Document, asking: Asking) -> dict[str, object]:
        """Fill in the fields that are needed; if none is, one: a change must change something."""
        schema = resolved(self.document, schema)
        fields = schema.get("properties", {})
        needed = schema.get("required") or list(fields)[:1]
        useful = [name for name in _USEFUL if name in fields]
        names = dict.fromkeys([*needed, *useful])
        return {name: self._value(name, asking, fields[name]) for name in names}

    def _value(self, name: str, asking: Asking, schema: Document | None = None) -> object:
        if name in _MADE_BY:
            return self.send(self.request(_MADE_BY[name])).json()["id"]
        if schema and schema.get("type") == "array":
            return [self._filled(schema["items"], asking)]
        if name not in asking.words:
            raise Unknown(name)
        return asking.words[name]()


def _in(where: str, parameters: list[Document]) -> list[Document]:
    return [each for each in parameters if each["in"] == where]
