"""Phase 2's checks at a shop with identity: who asks for what, and nothing else changed."""

from __future__ import annotations

import itertools
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from shared.contracts import client
from shared.contracts.exchange import Mismatch
from shared.contracts.kit import Api, expect, raced, unique
from shared.contracts.phase3 import admins
from shared.contracts.phase3.admins import FirstAdmin
from shared.contracts.phase3.interpreter import Interpreter
from shared.contracts.phase3.members import object_in, with_member, without_member
from shared.contracts.plugin import replay
from shared.course.checks import run_checks
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    import httpx

    from shared.contracts.gate import Gate

ADMIN, PASSWORD = "admin@example.com", "correct horse"
CONTRACT = str(ROOT / "shared" / "contracts" / "phase3" / "__init__.py")
AN_ORDER = {"Idempotency-Key": "k", "Content-Type": "application/json"}


@dataclass
class Asked:
    """One request as it arrived."""

    line: str
    headers: dict[str, str]
    content: bytes

    @property
    def bearer(self) -> str:
        """The token that came along."""
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


@dataclass
class Shop:
    """A shop that can sign up and log in, has an admin, and notes all that it is asked."""

    url: str
    lifetime: int = 900
    asked: list[Asked] = field(default_factory=list[Asked])
    users: dict[str, tuple[int, str]] = field(default_factory=lambda: {ADMIN: (1, PASSWORD)})
    _logins: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Sign somebody up, log them in, or say yes to whatever it is."""
        with self._lock:
            self.asked.append(asked)
            told = object_in(asked.content) or {}
            match asked.line:
                case "POST /auth/signup":
                    return self._sign_up(**told)
                case "POST /auth/login":
                    return self._log_in(**told)
                case "GET /auth/me":
                    return 200, {"email": ADMIN, "role": "admin"}
                case _:
                    return 200, {}

    def asked_for(self, line: str) -> list[Asked]:
        """Return the requests for one path, in their order."""
        return [asked for asked in self.asked if asked.line == line]

    def _sign_up(self, name: str, email: str, password: str) -> tuple[int, Any]:
        if email in self.users:
            return 409, {"code": "email_taken"}
        self.users[email] = (len(self.users) + 1, password)
        return 201, {"id": len(self.users), "name": name, "email": email}

    def _log_in(self, email: str, password: str) -> tuple[int, Any]:
        number, theirs = self.users.get(email, (0, ""))
        if password != theirs:
            return 401, {"code": "invalid_credentials"}
        token = f"user-{number}-login-{next(self._logins)}"
        told = {"access_token": token, "expires_in": self.lifetime, "refresh_token": "r"}
        return 200, told | {"token_type": "Bearer"}


@contextmanager
def serving() -> Generator[Shop]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(f"{self.command} {self.path}", dict(self.headers), content)
            status, told = shop.answer(asked)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_DELETE = do_POST  # noqa: N815 - as http.server calls them

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the same
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    shop = Shop(f"http://127.0.0.1:{server.server_address[1]}")
    yield shop
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving() as shop:
        yield shop


@pytest.fixture
def anybody(shop: Shop) -> Iterator[Api]:
    client = Api(shop.url, timeout=5)
    yield client
    client.close()


@pytest.fixture
def api(anybody: Api) -> Api:
    return Interpreter(anybody, anybody.with_headers({"Authorization": "Bearer the admin's"}))


def new_user(api: Api) -> int:
    fields = {"name": "Ada", "email": f"{unique('ada')}@example.org"}
    return expect(api.post("/users", json=fields), 201).json()["id"]


def test_whatever_is_asked_is_asked_by_the_admin(api: Api, shop: Shop) -> None:
    api.get("/orders", params={"user_id": 7})
    api.delete("/users/7")
    api.post("/products", json={"sku": "TEA-1"}, headers={"X": "y"})
    api.post("/orders", content=b"{", headers=AN_ORDER)
    api.get("/auth/me", headers={"authorization": "Bearer another"})

    assert [asked.bearer for asked in shop.asked[:4]] == ["the admin's"] * 4
    assert shop.asked[2].headers["X"] == "y"
    assert shop.asked[2].content == b'{"sku": "TEA-1"}'
    assert shop.asked[4].headers["authorization"] == "Bearer another"


def test_who_is_created_signs_up_with_a_password_that_nobody_else_has(api: Api, shop: Shop) -> None:
    fields = {"name": "Zoë", "email": "zoe@example.org"}

    first = api.post("/users", json=fields)
    again = api.post("/users", json=fields)
    api.post("/users", json=fields | {"email": "ada@example.org"})

    assert (first.status, again.status) == (201, 409)
    signups = shop.asked_for("POST /auth/signup")
    assert all(signup.bearer == "" for signup in signups)
    told = [json.loads(signup.content) for signup in signups]
    assert [set(each) for each in told] == [{"name", "email", "password"}] * 3
    assert len({each["password"] for each in told}) == 3
    assert signups[0].content.endswith(b'"name": "Zo\xc3\xab", "email": "zoe@example.org"}')
    assert shop.asked_for("POST /users") == []


def test_what_is_no_user_is_sent_as_it_is(api: Api, shop: Shop) -> None:
    for content in (b"{", b"[]", b"", b'"x"', b"\xff"):
        api.post("/users", content=content)

    sent = [asked.content for asked in shop.asked_for("POST /users")]
    assert sent == [b"{", b"[]", b"", b'"x"', b"\xff"]


def test_an_order_is_its_buyers_own_however_it_is_spelt(api: Api, shop: Shop) -> None:
    ada, bob = new_user(api), new_user(api)

    api.post("/orders", json={"user_id": ada, "items": [1]}, headers=AN_ORDER)
    respelt = json.dumps({"items": [{"user_id": 3}], "user_id": bob}, indent=3).encode()
    api.post("/orders", content=respelt, headers=AN_ORDER)
    api.post("/orders", json={"user_id": ada, "items": [1]}, headers=AN_ORDER)

    orders = shop.asked_for("POST /orders")
    assert [order.content for order in orders] == [
        b'{"items": [1]}',
        b'{\n   "items": [\n      {\n         "user_id": 3\n      }\n   ]\n}',
        b'{"items": [1]}',
    ]
    assert [order.bearer.split("-login-")[0] for order in orders] == [
        f"user-{ada}",
        f"user-{bob}",
        f"user-{ada}",
    ]
    assert orders[0].bearer == orders[2].bearer, "an order is retried with the same token"
    assert all(order.headers["Idempotency-Key"] == "k" for order in orders)


@pytest.mark.parametrize("buyer", [77, True, "2", None, 2.0, 10**30])
def test_an_order_for_a_stranger_is_sent_as_it_is(api: Api, shop: Shop, buyer: object) -> None:
    new_user(api)
    fields = {"user_id": buyer, "items": [1]}

    api.post("/orders", json=fields, headers=AN_ORDER)

    (order,) = shop.asked_for("POST /orders")
    assert json.loads(order.content) == fields
    assert order.bearer == "the admin's"


def test_a_login_in_a_race_takes_nobodys_place_at_the_gate(
    api: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[str] = []
    hold_back = client.hold_back

    def noted(request: httpx.Request, gate: Gate) -> None:
        held.append(request.extensions["target"].decode())
        hold_back(request, gate)

    monkeypatch.setattr(client, "hold_back", noted)
    users = [new_user(api) for _ in range(3)]

    def order(number: int) -> None:
        buyer = users[number % 3]
        api.post("/orders", json={"user_id": buyer, "items": [number]}, headers=AN_ORDER)
        api.get(f"/orders/{number}")

    raced(12, order)

    assert held == ["/orders"] * 12
    assert len(shop.asked_for("POST /auth/login")) == 3
    last_login = max(place for place, asked in enumerate(shop.asked) if "login" in asked.line)
    first_order = next(place for place, asked in enumerate(shop.asked) if "order" in asked.line)
    assert last_login < first_order, "somebody was at the gate while others logged in"


def test_a_user_who_cannot_log_in_is_told_with_the_login(api: Api, shop: Shop) -> None:
    user = new_user(api)
    shop.users.clear()

    with pytest.raises(Mismatch, match="expected 200 OK, got 401") as caught:
        api.post("/orders", json={"user_id": user, "items": []}, headers=AN_ORDER)

    assert "/auth/login" in replay(api, caught.value)[-2]


def test_each_login_and_signup_comes_from_an_address_of_its_own(api: Api, shop: Shop) -> None:
    users = [new_user(api) for _ in range(10)]
    for user in users:
        api.post("/orders", json={"user_id": user, "items": []}, headers=AN_ORDER)

    counted = [asked.headers.get("X-Forwarded-For") for asked in shop.asked if "auth" in asked.line]

    assert len(counted) == len(set(counted)) == 20
    assert {asked.headers.get("X-Forwarded-For") for asked in shop.asked_for("POST /orders")} == {
        None
    }


def test_a_failure_is_replayed_by_who_asked(api: Api) -> None:
    order = {"user_id": new_user(api), "items": [1]}
    wanted = api.post("/orders", json=order, headers=AN_ORDER)

    *earlier, curl, _ = replay(api, Mismatch("it differs", wanted))

    assert any("/auth/signup" in line for line in earlier)
    assert "-H 'Authorization: Bearer user-2-login-1'" in curl
    assert "--data-binary '{\"items\": [1]}'" in curl


def test_the_admin_logs_in_once_and_again_in_time(
    anybody: Api, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(admins.time, "monotonic", lambda: now)
    admin = FirstAdmin(ADMIN, PASSWORD)

    first = [admin.tokens(anybody) for _ in range(3)]
    now += shop.lifetime / 2 + 1
    second = admin.tokens(anybody)

    assert len({tokens.access for tokens in first}) == 1
    assert second.access != first[0].access
    assert len(shop.asked_for("POST /auth/login")) == 2


@pytest.mark.usefixtures("shop")
def test_an_admin_who_cannot_log_in_is_told_with_what_to_do(anybody: Api) -> None:
    with pytest.raises(Mismatch, match="expected 200 OK, got 401") as caught:
        FirstAdmin(ADMIN, "wrong").tokens(anybody)

    said = str(caught.value)
    assert f"log in as {ADMIN}" in said
    assert "make grade … ADMIN_EMAIL=… ADMIN_PASSWORD=…" in said
    assert "wrong" not in said


def test_clients_of_one_check_remember_in_one_place(anybody: Api) -> None:
    admin = anybody.with_headers({"Authorization": "Bearer a", "X": "1"})
    other = admin.with_headers({"authorization": "Bearer b"})

    anybody.get("/1")
    admin.get("/2", headers={"x": "2"})
    other.get("/3")

    sent = [exchange.request.replay() for exchange in anybody.exchanges]
    assert ["Bearer" in line for line in sent] == [False, True, True]
    assert "-H 'Authorization: Bearer a' -H 'x: 2'" in sent[1]
    assert "-H 'X: 1' -H 'authorization: Bearer b'" in sent[2]
    assert admin.exchanges is other.exchanges is anybody.exchanges


@pytest.mark.parametrize(
    ("theirs", "verdicts"),
    [
        ({"ADMIN_EMAIL": ADMIN, "ADMIN_PASSWORD": PASSWORD}, ["pass", "pass"]),
        ({"ADMIN_EMAIL": ADMIN, "ADMIN_PASSWORD": "wrong"}, ["fail", "skipped"]),
        ({"ADMIN_EMAIL": ADMIN, "ADMIN_PASSWORD": ""}, ["error", "skipped"]),
    ],
)
def test_the_grader_is_told_by_its_environment_who_the_admin_is(
    shop: Shop, theirs: dict[str, str], verdicts: list[str]
) -> None:
    chosen = [f"--url={shop.url}", "--check=P3-ADM-01", "--check=P2-PAY-07"]

    results = run_checks(
        [CONTRACT, "-o", "python_files=__init__.py", *chosen], seconds=30, env=theirs
    )

    assert [(one.id, one.verdict) for one in results.verdicts] == list(
        zip(["P3-ADM-01", "P2-PAY-07"], verdicts, strict=True)
    )
    assert {asked.bearer for asked in shop.asked_for("GET /healthz")} <= {"user-1-login-2"}


TEXTS = [
    ('{"user_id": 1, "items": []}', '{"items": []}'),
    ('{"items": [], "user_id": 1}', '{"items": []}'),
    ('{"a": 1,\t"user_id" :\n1 , "b": 2}', '{"a": 1,\t"b": 2}'),
    ('{ "user_id": 1 }', "{ }"),
    (' {"a": {"user_id": 2}, "user_id": {"x": [1, "}"]}}\n', ' {"a": {"user_id": 2}}\n'),
    ('{"x": "\\"user_id\\": 1, ", "user_id": null}', '{"x": "\\"user_id\\": 1, "}'),
    ('{"us\\u0065r_id": 1, "é": "{,}"}', '{"é": "{,}"}'),
    ('{"items": []}', '{"items": []}'),
    ("{}", "{}"),
]


@pytest.mark.parametrize(("text", "left"), TEXTS)
def test_a_member_is_taken_out_and_the_rest_is_left_as_it_was(text: str, left: str) -> None:
    assert without_member(text.encode(), "user_id").decode() == left


@pytest.mark.parametrize("text", ['{"a": 1}', "{}", " {\n }", '{"password": "mine"}'])
def test_a_member_is_put_in_before_the_others(text: str) -> None:
    more = with_member(text.encode(), "password", 'it"s').decode()

    assert next(iter(json.loads(more))) == "password"
    assert json.loads(more) == {"password": 'it"s'} | json.loads(text)


@pytest.mark.parametrize("content", [b"[]", b"1", b"null", b"{", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_known_as_that(content: bytes) -> None:
    assert object_in(content) is None
