"""Phase 4 answers as phase 3 does: the same requests to both, and every difference is told.

Each stands on a database of its own, with the same secrets, and both are asked the same things in
the same order. So their ids go the same way, and all that may differ is what time it is and what
was drawn by lot. The requests are made from /openapi.json: every operation, by everybody, with what
it wants and with what it doesn't.
"""

from __future__ import annotations

import json
import random
import re
import shlex
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from shared import databases, development, infra, servers
from shared.phases import find_phase

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 4
PASSWORD = "nine gulls over a pier"  # noqa: S105 -- of people who exist for a test

# What was drawn by lot, or is the time of day.
DRAWN = re.compile(
    r"eyJ[\w-]+\.[\w-]+\.[\w-]+"  # a signed token
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"
    r'|(?<="refresh_token":")[\w-]+|(?<="csrf_token":")[\w-]+|(?<="next_cursor":")[\w-]+'
    r"|(?<=__Host-session=)[\w-]+"
)
SECONDS_LEFT = re.compile(r"(?<=;t=)[0-9]+")
OF_THE_MOMENT = {"date", "x-request-id"}

BODIES: dict[str, dict[str, Any]] = {
    "/auth/signup": {"name": "Eve", "email": "eve@example.com", "password": PASSWORD},
    "/auth/login": {"email": "ada@example.com", "password": PASSWORD},
    "/auth/session": {"email": "ada@example.com", "password": PASSWORD},
    "/auth/refresh": {"refresh_token": "nobody-has-this"},
    "/auth/password": {"current_password": PASSWORD, "new_password": PASSWORD},
    "/users": {"name": "Bob", "email": "bob@example.com"},
    "/users/{user_id}": {"name": "Ada"},
    "/users/{user_id}/role": {"role": "user"},
    "/products": {"sku": "TEA-1", "name": "Tea", "price": 250, "stock": 10},
    "/products/{product_id}": {"price": 251},
    "/products/{product_id}/restock": {"quantity": 2},
    "/orders": {"items": [{"product_id": 1, "quantity": 1}]},
}
ODD_VALUES: tuple[object, ...] = (None, True, -1, 1.5, 10**30, "", "x" * 5000, "\0", [], {}, "7")
ODD_TEXTS = (b"", b"{", b"[]", b"null", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 9000)
ODD_IDS = ("1", "2", "3", "999999", "0", "-1", "abc", "1.0", "9223372036854775808", "%31", "")
QUERIES = (
    *("limit=1", "limit=0", "limit=1&limit=2", "limit=x", "offset=5", "cursor=nonsense"),
    *("sort=-id", "sort=nothing", "q=te", "q=%00", "user_id=2", "status=placed", "status=lost"),
    *("period=week&top=1", "placed_from=2026-01-01", "unknown=1", "in_stock=yes", "name=%25"),
    *("return_to=//evil.example", "state=x&code=y", "email=ADA@example.com", "price_from=-1"),
)


@dataclass
class Side:
    """One of the two services, and what its people show."""

    http: httpx.Client
    shown: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    drawn: dict[str, int] = field(default_factory=dict[str, int])

    def numbered(self, text: str) -> str:
        """Put a number in the place of what was drawn: what comes again has the same one again."""
        return DRAWN.sub(lambda lot: f"<{self.drawn.setdefault(lot[0], len(self.drawn))}>", text)

    def log_in(self, name: str, email: str, password: str) -> None:
        """Give somebody a token, a cookie alone, and a cookie with what has to go with it."""
        given = {"email": email, "password": password}
        token = self.http.post("/auth/login", json=given).raise_for_status().json()
        answer = self.http.post("/auth/session", json=given).raise_for_status()
        cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        self.http.cookies.clear()
        self.shown[name] = {"Authorization": f"Bearer {token['access_token']}"}
        self.shown[f"{name}, cookie alone"] = cookie
        self.shown[f"{name}, cookie"] = cookie | {"X-CSRF-Token": answer.json()["csrf_token"]}


@dataclass(frozen=True)
class Asked:
    """A request, by whom it comes, as it goes to both."""

    who: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def of(self, side: Side) -> tuple[int, list[tuple[str, str]], str]:
        """Ask one side; returns status, headers and body, without what is of the moment."""
        headers = [*side.shown.get(self.who, {}).items(), *self.headers]
        answer = side.http.request(self.method, self.path, headers=headers, content=self.content)
        side.http.cookies.clear()
        body = side.numbered(answer.text)
        of_the_moment = OF_THE_MOMENT | {"content-length"} if body != answer.text else OF_THE_MOMENT
        said = [
            (name, SECONDS_LEFT.sub("…", side.numbered(value)))
            for name, value in answer.headers.multi_items()
            if name not in of_the_moment
        ]
        return answer.status_code, said, body

    @property
    def curl(self) -> str:
        """The request as a command."""
        headers = " ".join(f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers)
        body = f"--data-binary {shlex.quote(self.content[:2000].decode(errors='replace'))}"
        return f"curl -i -X {self.method} {headers} {body} {self.path!r}  # as {self.who}"


@pytest.fixture(scope="module")
def sides() -> Iterator[tuple[Side, Side]]:
    """Serve both, with the same secrets and the same people."""
    before, after = find_phase(3), find_phase(4)
    same = {
        **development.fresh(before),
        **development.LIMITLESS,
        "BCRYPT_COST": "4",
        "PUBLIC_URL": "http://shop.example",
    }
    with ExitStack() as ending:
        served: list[Side] = []
        for phase in (before, after):
            url = ending.enter_context(databases.throwaway(infra.postgres(), phase))
            environment = {**servers.inherited(), **same, "DATABASE_URL": url}
            development.make_admin(phase, environment)
            server = ending.enter_context(servers.start(phase.package, env=environment))
            http = ending.enter_context(httpx.Client(base_url=server.url, timeout=10))
            served.append(Side(http))
        for side in served:
            side.log_in("the admin", same["ADMIN_EMAIL"], same["ADMIN_PASSWORD"])
            stock(side)
        yield served[0], served[1]


def stock(side: Side) -> None:
    """Let there be a customer who has ordered something."""
    admin = side.shown["the admin"]
    ada = BODIES["/auth/signup"] | {"name": "Ada", "email": "ada@example.com"}
    side.http.post("/auth/signup", json=ada).raise_for_status()
    side.http.post("/products", json=BODIES["/products"], headers=admin).raise_for_status()
    bob = BODIES["/auth/signup"] | {"name": "Bob", "email": "bob.b@example.com"}
    side.http.post("/auth/signup", json=bob).raise_for_status()
    side.log_in("Ada", "ada@example.com", PASSWORD)
    side.log_in("Bob", "bob.b@example.com", PASSWORD)
    key = side.shown["Ada"] | {"Idempotency-Key": "first"}
    side.http.post("/orders", json=BODIES["/orders"], headers=key).raise_for_status()


EVERYBODY = [
    "nobody",
    "Bob",
    *(f"{name}{by}" for name in ("Ada", "the admin") for by in ("", ", cookie", ", cookie alone")),
]


def requests_for(method: str, template: str, lot: random.Random) -> Iterator[Asked]:
    """Make requests of an operation: as they should be, and in many ways as they should not."""
    paths = (
        [re.sub(r"\{\w+\}", each, template) for each in ODD_IDS] if "{" in template else [template]
    )
    for who in EVERYBODY:
        for path in paths:
            yield Asked(who, method, path, *good(method, template, lot))
    good_path = paths[1] if len(paths) > 1 else template
    for who in ("Ada", "the admin"):
        yield from odd(who, method, good_path, template, lot)


def good(
    method: str, template: str, lot: random.Random
) -> tuple[tuple[tuple[str, str], ...], bytes]:
    """Write what the operation wants: a body if it takes one, and a key."""
    if method not in {"POST", "PUT", "PATCH"} or template not in BODIES:
        return (), b""
    body = json.dumps(BODIES[template]).encode()
    return (("Content-Type", "application/json"), ("Idempotency-Key", f"key-{lot.random()}")), body


def odd(who: str, method: str, path: str, template: str, lot: random.Random) -> Iterator[Asked]:
    """Spoil a good request in one place."""
    headers, content = good(method, template, lot)
    for query in QUERIES:
        yield Asked(who, method, f"{path}?{query}", headers, content)
    for other in ("HEAD", "OPTIONS", "TRACE", "PUT"):
        yield Asked(who, other, path, headers, content)
    if not content:
        return
    for text in ODD_TEXTS:
        yield Asked(who, method, path, headers, text)
    for name in BODIES[template]:
        rest = {each: value for each, value in BODIES[template].items() if each != name}
        for value in (*ODD_VALUES, lot.randrange(10**6)):
            spoilt = json.dumps({**rest, name: value}).encode()
            yield Asked(who, method, path, headers, spoilt)
        yield Asked(who, method, path, headers, json.dumps(rest).encode())
    more = json.dumps({**BODIES[template], "role": "admin"}).encode()
    yield Asked(who, method, path, headers, more)
    for key in ("", '"first"', "first", "two words", "k" * 300):
        yield Asked(who, method, path, (headers[0], ("Idempotency-Key", key)), content)
    yield Asked(who, method, path, (*headers, ("Idempotency-Key", "another")), content)
    yield Asked(who, method, path, (("Content-Type", "text/plain"),), content)
    yield Asked(who, method, path, headers, content.ljust(300_000))


LAST = re.compile("logout|sessions|role|password")
"""What ends sessions, or changes what somebody may do: it is asked for when all else has been."""


def operations(side: Side) -> list[tuple[str, str]]:
    """List what can be asked, in an order that leaves people in until the end."""
    paths = side.http.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, item in paths.items() for method in item]
    return sorted(found, key=lambda each: (LAST.search(each[1]) is not None, each[0] == "DELETE"))


def test_both_describe_the_same(sides: tuple[Side, Side]) -> None:
    before, after = (side.http.get("/openapi.json").json() for side in sides)

    assert before == after


def test_whatever_is_asked_both_answer_the_same(
    sides: tuple[Side, Side], request: pytest.FixtureRequest
) -> None:
    before, after = sides
    lot = random.Random(SEED)  # noqa: S311 -- to be repeated, not to be kept secret
    asked, statuses = 0, set[int]()
    for method, template in operations(before):
        for each in requests_for(method, template, lot):
            one, other = each.of(before), each.of(after)

            assert one == other, each.curl
            asked, statuses = asked + 1, statuses | {one[0]}
    request.node.user_properties.append(("requests", asked))
    assert statuses == {200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415, 422}
    assert asked > 3500
