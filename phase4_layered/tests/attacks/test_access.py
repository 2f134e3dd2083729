"""Every operation there is, asked for by everybody: who is let in, and what the others are told."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from fastapi import APIRouter

from phase4_layered.controllers.auth import refuse_unguarded
from phase4_layered.main import create_app

from .access import ACTORS, ANSWERS, CODES, RULES, World, disagreements, operations
from .people import log_in, new_order, new_product, told
from .rows import all_rows
from .settings import settings_of

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

    from .people import Person

UNKNOWN = 2**62  # an id that nobody and nothing has
OWN_PATHS = [name for name, rule in RULES.items() if rule == "owner"]
COOKIE_ONLY = "GET /auth/session"
# What they answer everybody here, where there is no provider; test_open_redirect.py has one.
NO_PROVIDER = {"GET /auth/oauth/login": 404, "GET /auth/oauth/callback": 400}


@pytest.fixture
def app(environment: dict[str, str], database_url: str) -> FastAPI:
    """Compose a service of our own, to change it."""
    return create_app(settings_of({**environment, "DATABASE_URL": database_url}))


# ---------------------------------------------------------------- the table


def test_each_operation_has_a_rule_and_says_the_same_in_its_document(http: httpx.Client) -> None:
    assert disagreements(http.get("/openapi.json").json()) == []


def test_a_new_route_without_a_rule_is_noticed(app: FastAPI) -> None:
    @app.get("/secrets", include_in_schema=True)
    async def read_secrets() -> str:  # pyright: ignore[reportUnusedFunction] -- a route of the app
        return "all of them"

    assert disagreements(app.openapi()) == ["GET /secrets has no rule"]


def test_a_route_that_is_gone_or_has_changed_its_mind_is_noticed(app: FastAPI) -> None:
    document = app.openapi()
    del document["paths"]["/auth/me"]
    del document["paths"]["/users"]["get"]["security"]

    assert disagreements(document) == [
        "GET /auth/me is not documented",
        "GET /users has the rule 'admin', and its document says otherwise",
    ]


def test_who_may_do_what(world: World, actor: str, by: str, name: str, database_url: str) -> None:
    headers = world.identity(actor, by)
    path = world.path(name.partition(" ")[2])
    body = world.body(name, world.person(actor))
    expected = ANSWERS[RULES[name]][ACTORS.index(actor)]
    before = all_rows(database_url) if expected else None

    answer = world.ask(name, headers, world.person(actor), path, body)

    if expected:
        assert answer.status_code == expected, answer.text
        assert answer.json()["code"] in CODES[expected]
        assert all_rows(database_url) == before
    elif name == COOKIE_ONLY and by == "token":
        assert answer.json()["code"] == "no_cookie_session"
    else:
        assert answer.status_code == NO_PROVIDER.get(name, world.success(name)), answer.text


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask everybody for everything, by token and by cookie."""
    if metafunc.function is test_who_may_do_what:
        known = product(ACTORS[1:], ("token", "cookie"), RULES)
        unknown = product(("anonymous",), ("nothing",), RULES)
        metafunc.parametrize(("actor", "by", "name"), [*unknown, *known])


def test_head_asks_for_the_same_identity_as_get(world: World, http: httpx.Client) -> None:
    for name, rule in RULES.items():
        method, _, path = name.partition(" ")
        if method == "GET" and name not in {COOKIE_ONLY, *NO_PROVIDER}:
            for actor, expected in zip(ACTORS, ANSWERS[rule], strict=True):
                headers = world.identity(actor, "token")

                answer = http.head(world.path(path), headers=headers)

                assert answer.status_code == (expected or 200), (name, actor)


# ---------------------------------------------------------------- others' things


@pytest.mark.parametrize("name", OWN_PATHS)
@pytest.mark.parametrize("by", ["token", "cookie"])
def test_others_things_look_like_things_that_never_were(world: World, name: str, by: str) -> None:
    headers = world.identity("stranger", by)
    theirs = world.path(name.partition(" ")[2])
    thing = next(part for part in theirs.split("/") if part.isdecimal())
    nobodys = theirs.replace(thing, str(UNKNOWN), 1)

    about_theirs = world.ask(name, headers, path=theirs)
    about_nobodys = world.ask(name, headers, path=nobodys)

    status, body, told_by_headers = told(about_theirs)
    other_status, other_body, told_by_other_headers = told(about_nobodys)
    assert status == other_status == 404
    assert body == other_body.replace(str(UNKNOWN).encode(), thing.encode())
    for headers_told in (told_by_headers, told_by_other_headers):
        del headers_told["content-length"]  # of the id's digits
    assert told_by_headers == told_by_other_headers


@pytest.mark.parametrize("name", OWN_PATHS)
def test_whose_it_is_is_not_for_the_client_to_say(world: World, name: str, admin: Person) -> None:
    path = world.path(name.partition(" ")[2])
    owner = str(world.owner.id)
    claims = [
        {"X-User-Id": owner},
        {"X-Forwarded-User": world.owner.email},
        {"X-Original-User": owner, "X-Role": "admin"},
        {"Remote-User": world.owner.email},
        {"X-Authenticated-User": world.owner.email},
        {"From": world.owner.email},
        {"Cookie": f"user_id={owner}; role=admin; is_admin=1"},
        {"X-Api-Key": admin.token},
    ]

    for claim in claims:
        answer = world.ask(name, {**world.stranger.headers, **claim}, path=path)
        assert answer.status_code == 404, claim


def test_lists_hold_what_is_ones_own_and_no_more(
    http: httpx.Client, ada: Person, mallory: Person, admin: Person
) -> None:
    tea = new_product(http, admin)["id"]
    orders = [new_order(http, ada, tea)["id"] for _ in range(3)]
    own = new_order(http, mallory, tea)["id"]

    def listed(who: Person, query: str = "") -> list[int]:
        answer = http.get(f"/orders{query}", headers=who.headers).raise_for_status()
        return [order["id"] for order in answer.json()["items"]]

    assert listed(mallory) == [own]
    assert listed(mallory, f"?user_id={ada.id}") == []
    assert listed(mallory, f"?user_id={mallory.id}") == [own]
    assert listed(mallory, "?status=placed&limit=100") == [own]
    assert listed(admin, f"?user_id={ada.id}") == orders[::-1]
    # A cursor is a place and no key: with one from an admin's list, one is shown one's own.
    page = http.get("/orders?limit=1", headers=admin.headers).json()
    new_order(http, ada, tea)
    assert listed(mallory, f"?cursor={page['next_cursor']}") == []
    assert listed(mallory, f"?cursor={page['next_cursor']}&user_id={ada.id}") == []


def test_the_idempotency_key_of_another_is_a_word_like_any_other(
    http: httpx.Client, ada: Person, mallory: Person, admin: Person
) -> None:
    tea = new_product(http, admin)["id"]
    key = {"Idempotency-Key": "order-1"}
    order = {"items": [{"product_id": tea, "quantity": 3}]}
    adas = http.post("/orders", json=order, headers={**ada.headers, **key}).json()

    same = http.post("/orders", json=order, headers={**mallory.headers, **key})
    other = http.post(
        "/orders",
        json={"items": [{"product_id": tea, "quantity": 1}]},
        headers={**admin.headers, **key},
    )

    for answer, buyer in ((same, mallory), (other, admin)):
        assert answer.status_code == 201
        assert "idempotent-replayed" not in answer.headers
        assert answer.json()["user_id"] == buyer.id
        assert answer.json()["id"] != adas["id"]


def test_whether_another_has_used_a_key_is_not_told(
    http: httpx.Client, ada: Person, mallory: Person, admin: Person
) -> None:
    tea = new_product(http, admin, stock=1)["id"]
    order = {"items": [{"product_id": tea, "quantity": 1}]}
    used, unused = {"Idempotency-Key": "used"}, {"Idempotency-Key": "unused"}
    http.post("/orders", json=order, headers={**ada.headers, **used}).raise_for_status()

    about_used, about_unused = (
        http.post("/orders", json=order, headers={**mallory.headers, **key})
        for key in (used, unused)
    )

    assert about_used.json()["code"] == "out_of_stock"
    assert told(about_used) == told(about_unused)


def test_the_keys_of_two_admins_have_nothing_to_do_with_each_other(
    http: httpx.Client, mallory: Person, admin: Person
) -> None:
    role = {"role": "admin"}
    http.put(f"/users/{mallory.id}/role", json=role, headers=admin.headers).raise_for_status()
    path = f"/products/{new_product(http, admin, stock=0)['id']}"
    key = {"Idempotency-Key": "delivery-1"}

    for who, quantity in ((admin, 1), (mallory, 1), (mallory, 1)):
        restock = {"quantity": quantity}
        http.post(
            f"{path}/restock", json=restock, headers={**who.headers, **key}
        ).raise_for_status()

    assert http.get(path).json()["stock"] == 2


# ---------------------------------------------------------------- single fields


def test_users_may_change_their_names_and_nothing_else(
    http: httpx.Client, ada: Person, database_url: str
) -> None:
    named = http.patch(f"/users/{ada.id}", json={"name": "Ada L."}, headers=ada.headers)
    assert named.json()["name"] == "Ada L."
    before = all_rows(database_url)

    for changes in ({"email": "new@example.com"}, {"name": "A", "email": "new@example.com"}):
        answer = http.patch(f"/users/{ada.id}", json=changes, headers=ada.headers)
        assert answer.status_code == 403

    assert all_rows(database_url) == before


def test_no_answer_shows_what_is_kept_for_the_service_alone(world: World) -> None:
    for name, operation in operations(world.document).items():
        method = name.partition(" ")[0]
        if method == "GET" and "security" in operation:
            answer = world.ask(name, world.identity("admin", "cookie"), world.admin)
            for secret in ("password", "hash", "$2b$", "verified", "jti", "cookie_", "seed"):
                assert secret not in answer.text, (name, secret)


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(
    http: httpx.Client, mallory: Person, admin: Person
) -> None:
    def be(role: str) -> None:
        path = f"/users/{mallory.id}/role"
        http.put(path, json={"role": role}, headers=admin.headers).raise_for_status()

    be("admin")
    assert http.get("/users", headers=mallory.headers).status_code == 200
    by_cookie = World(http, {}, mallory, mallory, mallory).identity("owner", "cookie")
    assert http.get("/users", headers=by_cookie).status_code == 200

    be("user")

    for identity in (mallory.headers, by_cookie):
        assert http.get("/users", headers=identity).status_code == 403
    assert log_in(http, mallory).id == mallory.id


# ---------------------------------------------------------------- other ways in

DETOURS = (
    *("/users/", "//users", "/./users", "/x/../users", "/%2e/users", "/x/%2e%2e/users"),
    *("/USERS", "/Users", "/users;", "/users;role=admin", "/users%20", "/users%00", "/users%2f"),
    *("/users.json", "/users?", "/users#", "/users%3F", "/%75sers", "\\users", "/users/*"),
    *("/api/users", "/v1/users", "/admin/users", "/users/.", "/users/%2e", "/users\\"),
)


@pytest.mark.parametrize("path", DETOURS)
def test_no_detour_leads_past_the_guard(http: httpx.Client, mallory: Person, path: str) -> None:
    for identity in ({}, mallory.headers):
        answer = http.send(with_raw_path(http.build_request("GET", "/", headers=identity), path))
        assert answer.status_code in {400, 401, 403, 404}, answer.text


@pytest.mark.parametrize(
    "header",
    [
        *("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method"),
        *("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix"),
        *("X-Forwarded-Method", "X-Override-URL", "Forwarded", "X-Accel-Redirect"),
    ],
)
def test_no_header_makes_another_request_of_a_request(
    world: World, http: httpx.Client, header: str
) -> None:
    own = f"/users/{world.stranger.id}"
    for value in ("DELETE", "PUT", f"/users/{world.owner.id}"):
        headers = {**world.stranger.headers, header: value}

        assert http.get(own, headers=headers).json()["id"] == world.stranger.id
        assert http.post(own, headers=headers).status_code == 405
        assert http.get(f"{own}?_method={value}", headers=headers).status_code == 400

    assert http.get("/auth/me", headers=world.stranger.headers).is_success


def test_methods_that_nobody_uses_are_told_so(http: httpx.Client, mallory: Person) -> None:
    for method in ("TRACE", "CONNECT", "PROPFIND", "DEBUG", "TRACK"):
        answer = http.request(method, "/auth/me", headers=mallory.headers)
        assert answer.status_code in {400, 405}, method


def test_no_door_is_open_that_nobody_has_made(http: httpx.Client) -> None:
    for path in ("/admin", "/debug", "/console", "/.env", "/.git/config", "/metrics", "/docs/../"):
        assert http.get(path).status_code == 404
    for name in ("admin", "root", "test", "user", "guest", "shop"):
        for password in ("admin", "password", "changeme", "12345678", name):
            credentials = {"email": f"{name}@example.com", "password": password}
            assert http.post("/auth/login", json=credentials).status_code == 401


def test_a_router_that_hides_its_routes_keeps_the_service_from_starting(app: FastAPI) -> None:
    hidden = APIRouter()

    @hidden.get("/secrets")
    async def read_secrets() -> str:  # pyright: ignore[reportUnusedFunction] -- a route of hidden
        return "all of them"

    app.include_router(hidden)

    with pytest.raises(RuntimeError, match="IncludedRouter"):
        refuse_unguarded(app)


def with_raw_path(request: httpx.Request, path: str) -> httpx.Request:
    """Put a path into a request as it stands: a client library would tidy it up."""
    request.extensions["target"] = path.encode()
    return request
