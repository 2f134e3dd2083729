"""Members that a body should not have: roles, prices, ids and whatever else is ours to say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .access import RULES, World, operations
from .rows import all_rows

if TYPE_CHECKING:
    import httpx

    from .people import Person

WITH_BODY = [
    *("POST /auth/signup", "POST /auth/login", "POST /auth/refresh", "POST /auth/session"),
    *("POST /auth/password", "POST /orders", "PATCH /users/{user_id}", "POST /users"),
    *("PUT /users/{user_id}", "PUT /users/{user_id}/role", "POST /products"),
    *("PATCH /products/{product_id}", "POST /products/{product_id}/restock"),
]

# Columns of our own tables, words that other services know them by, and words of languages that
# make objects of objects.
EXTRA: dict[str, object] = {
    **dict.fromkeys(("id", "user_id", "userId", "owner_id", "account_id", "session_id"), 1),
    **dict.fromkeys(("role", "Role", "ROLE", "roles", "scope", "permissions", "group"), "admin"),
    **dict.fromkeys(("is_admin", "isAdmin", "admin", "is_superuser", "is_staff", "verified"), True),
    **dict.fromkeys(("email_verified", "emailVerified", "active", "enabled"), True),
    "password_hash": "$2b$04$" + "." * 53,
    "password_version": 7,
    "totp_secret": "AAAA",
    **dict.fromkeys(("total", "price", "unit_price", "discount", "amount", "balance", "credit"), 0),
    **dict.fromkeys(("stock", "reason", "order_id", "movement_id", "sku", "quantity"), 1),
    "status": "cancelled",
    **dict.fromkeys(
        ("created_at", "placed_at", "expires_at", "deleted_at"), "2000-01-01T00:00:00Z"
    ),
    **{member: {"role": "admin"} for member in ("user", "attributes", "data", "$set")},
    "__proto__": {"role": "admin"},
    "constructor": {"prototype": {"role": "admin"}},
    "__class__": "Admin",
    "_method": "DELETE",
    "role[]": "admin",
    "user.role": "admin",
    "role\0": "admin",
    "": "admin",
}
IN_A_LINE = ("price", "unit_price", "total", "discount", "name", "sku", "order_id", "id", "user_id")


def test_every_body_there_is_is_tried(world: World) -> None:
    named = operations(world.document)

    assert {name for name in named if "requestBody" in named[name]} == set(WITH_BODY)


@pytest.mark.parametrize("name", WITH_BODY)
def test_a_member_that_is_not_asked_for_is_refused_and_changes_nothing(
    world: World, name: str, database_url: str
) -> None:
    who = world.admin if RULES[name] == "admin" else world.owner
    path = world.path(name.partition(" ")[2])
    body = world.body(name, who) or {}
    before = all_rows(database_url)

    for extra, value in EXTRA.items():
        if extra not in body and not may_have(world, name, extra):
            answer = world.ask(name, who.headers, who, path, {**body, extra: value})
            assert answer.status_code == 422, (extra, answer.text)
            assert extra in [error["field"] for error in answer.json()["errors"]] or extra == ""

    assert all_rows(database_url) == before


@pytest.mark.parametrize("extra", IN_A_LINE)
def test_a_line_of_an_order_has_no_say_in_its_price(
    world: World, extra: str, database_url: str
) -> None:
    order = world.body("POST /orders") or {}
    before = all_rows(database_url)

    order["items"][0][extra] = 0
    answer = world.ask("POST /orders", world.owner.headers, body=order)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == f"items.0.{extra}"
    assert all_rows(database_url) == before


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", '{"name":"A","email":"a@example.com","password":"PW","role":"admin"}'),
        ("application/json", '{"name":"A","name":"A","email":"a@example.com","password":"PW"}'),
        ("application/json", '[{"name":"A","email":"a@example.com","password":"PW"}]'),
        ("application/json", r'{"name":"A","email":"a@example.com","password":"PW","r\u006fle":1}'),
        ("application/json", '[{"op":"add","path":"/role","value":"admin"}]'),
        ("application/json-patch+json", '[{"op":"add","path":"/role","value":"admin"}]'),
        ("application/x-www-form-urlencoded", "name=A&email=a@example.com&password=PW&role=admin"),
        ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="role"'),
        ("application/xml", "<user><role>admin</role></user>"),
        ("text/plain", '{"name":"A","email":"a@example.com","password":"PW"}'),
        ("", '{"name":"A","email":"a@example.com","password":"PW"}'),
    ],
)
def test_a_signup_in_another_shape_makes_nobody(
    http: httpx.Client, content_type: str, body: str, database_url: str
) -> None:
    content = body.replace("PW", "correct horse battery staple").encode()
    before = all_rows(database_url)

    answer = http.post("/auth/signup", content=content, headers={"Content-Type": content_type})

    assert answer.status_code in {400, 415, 422}
    assert all_rows(database_url) == before


def test_a_query_does_not_fill_in_what_the_body_may_not_say(
    http: httpx.Client, world: World, database_url: str
) -> None:
    before = all_rows(database_url)

    for query in ("role=admin", "email_verified=true", "id=1", "user_id=1"):
        assert http.post(f"/auth/signup?{query}", json=world.body("POST /auth/signup")).is_error
        own = f"/users/{world.owner.id}?{query}"
        assert http.patch(own, json={"name": "A"}, headers=world.owner.headers).is_error

    assert all_rows(database_url) == before


def test_replacing_a_user_leaves_what_is_not_in_the_body(
    http: httpx.Client, ada: Person, admin: Person
) -> None:
    name, email = "Another", f"another.{ada.id}@example.com"
    path = f"/users/{ada.id}"
    http.put(f"{path}/role", json={"role": "admin"}, headers=admin.headers).raise_for_status()

    answer = http.put(path, json={"name": name, "email": email}, headers=admin.headers)

    assert answer.json()["role"] == "admin"
    login = {"email": email, "password": ada.password}
    assert http.post("/auth/login", json=login).is_success


@pytest.mark.parametrize("role", ["Admin", "ADMIN", "admin ", "root", "", None, True, 1, ["admin"]])
def test_there_are_no_other_roles(
    http: httpx.Client,
    ada: Person,
    admin: Person,
    role: Any,  # noqa: ANN401 -- any JSON value
) -> None:
    body = json.dumps({"role": role}).encode()
    headers = {**admin.headers, "Content-Type": "application/json"}

    answer = http.put(f"/users/{ada.id}/role", content=body, headers=headers)

    assert answer.status_code == 422
    assert http.get("/auth/me", headers=ada.headers).json()["role"] == "user"


def may_have(world: World, name: str, member: str) -> bool:
    """Tell whether a body may have a member, by its schema."""
    content = operations(world.document)[name]["requestBody"]["content"]["application/json"]
    schema = content["schema"]["$ref"].rpartition("/")[2]
    return member in world.document["components"]["schemas"][schema]["properties"]
