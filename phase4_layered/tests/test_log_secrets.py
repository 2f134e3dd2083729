"""What a log may not hold: whatever goes well, is refused or crashes, no secret and no address."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL

from shared import openid
from shared.fixtures import IMPATIENT
from shared.witness import eventually

from .conftest import new_key, new_product
from .people import (
    UNLIMITED,
    Browser,
    Person,
    Tokens,
    ask_cookie,
    ask_refresh,
    ask_tokens,
    browser_of,
    first_admin,
    log_in,
    new_email,
    new_password,
    new_person,
    open_browser,
    refresh,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import LiteralString

    from shared.fixtures import Serve
    from shared.openid import Provider
    from shared.servers import Server

PUBLIC_URL = "http://shop.example"
ADDRESS = re.compile(r"[\w.%+-]+@[\w-]+(\.[\w-]+)+")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """Run a provider."""
    with openid.provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def client(provider: Provider) -> dict[str, str]:
    """Register the shop there."""
    client_id, secret = provider.register(f"{PUBLIC_URL}/auth/oauth/callback")
    return {
        "PUBLIC_URL": PUBLIC_URL,
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": client_id,
        "OIDC_CLIENT_SECRET": secret,
    }


@pytest.fixture(scope="module", params=["INFO", "DEBUG"])
def level(request: pytest.FixtureRequest) -> str:
    """Log what is worth knowing, and whatever anybody may ever want to know."""
    return request.param


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, client: dict[str, str], level: str) -> Server:
    """Serve with little patience, so that trouble comes soon."""
    env = {**UNLIMITED, **IMPATIENT, **client, "DATABASE_URL": database_url, "LOG_LEVEL": level}
    return serve(env=env)


@pytest.fixture(scope="module")
def base_url(server: Server) -> str:
    """Name the server of this level."""
    return server.url


@pytest.fixture
def of_the_service(
    environment: dict[str, str], client: dict[str, str], database_url: str
) -> list[str]:
    """List the secrets that the service itself has."""
    keys = environment["JWT_KEYS"].split(",")
    return [
        *(key.partition(":")[2] for key in keys),
        environment["PASSWORD_PEPPER"],
        environment["ADMIN_PASSWORD"],
        client["OIDC_CLIENT_SECRET"],
        str(conninfo_to_dict(database_url)["password"]),
    ]


class Told(list[str]):
    """What people have told the service or were told by it, and nobody else is to know."""

    def tell(self, *what: Person | Tokens | Browser | str) -> None:
        """Remember secrets."""
        for each in what:
            if isinstance(each, Person):
                self.append(each.password)
            elif isinstance(each, Tokens):
                self.extend([each.access, each.access.rpartition(".")[2], each.refresh])
            elif isinstance(each, Browser):
                self.extend([each.cookie, each.csrf])
            else:
                self.append(each)


def expect_silence(server: Server, secrets: list[str], mark: str) -> str:
    """Check that a log that tells of the request `mark` tells no secret; returns it."""
    eventually(lambda: f"request_id={mark}" in server.log())
    log = server.log()
    assert [secret for secret in secrets if secret in log] == []
    assert [found[0] for found in ADDRESS.finditer(log)] == []
    return log


def finish(http: httpx.Client) -> str:
    """Send a last request that can be found in the log; returns its mark."""
    mark = f"last-{new_key()}"
    http.get("/healthz", headers={"X-Request-Id": mark}).raise_for_status()
    return mark


# ---------------------------------------------------------------- well and ill


def test_no_secret_is_logged_where_all_goes_well(
    stranger: httpx.Client,
    server: Server,
    of_the_service: list[str],
    environment: dict[str, str],
) -> None:
    told, ada = Told(), new_person(stranger)
    admin = log_in(stranger, first_admin(environment))
    tokens, browser = log_in(stranger, ada), open_browser(stranger, ada)
    second, changed = refresh(stranger, tokens), new_password()
    key, again = new_key(), browser_of(ask_cookie(stranger, ada, browser.shown))
    told.tell(ada, admin, tokens, browser, second, changed, key, again)

    stranger.get("/auth/session", headers=again.shown).raise_for_status()
    stranger.headers.update(admin.headers)
    items = {"items": [{"product_id": new_product(stranger), "quantity": 1}]}
    stranger.post("/orders", json=items, headers={"Idempotency-Key": key}).raise_for_status()
    stranger.get(f"/users/{ada.id}").raise_for_status()
    stranger.get("/users", params={"email": ada.email}).raise_for_status()
    change = {"current_password": ada.password, "new_password": changed}
    del stranger.headers["Authorization"]
    stranger.post("/auth/password", json=change, headers=second.headers).raise_for_status()
    stranger.post("/auth/logout", headers=second.headers).raise_for_status()

    log = expect_silence(server, of_the_service + told, finish(stranger))
    assert "auth.password_changed" in log


def test_no_secret_is_logged_where_somebody_is_refused(
    stranger: httpx.Client, server: Server, of_the_service: list[str]
) -> None:
    told, ada = Told(), new_person(stranger)
    wrong, nobody = replace(ada, password=new_password()), Person(0, new_email(), new_password())
    tokens, browser, stolen = log_in(stranger, ada), open_browser(stranger, ada), new_key()
    second = refresh(stranger, refresh(stranger, tokens))
    told.tell(ada, wrong, nobody, tokens, browser, stolen, second)

    answers = [
        ask_tokens(stranger, wrong),
        ask_cookie(stranger, wrong),
        ask_tokens(stranger, nobody),
        stranger.post("/auth/signup", json={"name": "A", "email": ada.email, "password": stolen}),
        stranger.post("/auth/signup", json={"name": "A", "email": "@", "password": stolen}),
        stranger.post("/auth/login", json={"email": ada.email, "password": [ada.password]}),
        stranger.post("/auth/login", content=f"{ada.email} {ada.password}"),
        stranger.post("/auth/logout", headers=browser.shown | {"X-CSRF-Token": stolen}),
        stranger.post("/auth/logout", headers=browser.headers | {"Origin": f"http://{stolen}"}),
        stranger.get("/auth/me", headers={"Authorization": f"Bearer {tokens.access}x"}),
        stranger.get("/auth/me", headers={"Authorization": f"Basic {stolen}"}),
        stranger.get("/auth/me", params={"access_token": tokens.access}),
        stranger.get("/auth/me", headers={"Cookie": f"__Host-session={stolen}"}),
        ask_refresh(stranger, stolen),
        ask_refresh(stranger, tokens.refresh),  # a thief's
        stranger.get("/auth/me", headers=second.headers),
    ]

    assert all(answer.is_client_error for answer in answers)
    expect_silence(server, of_the_service + told, finish(stranger))


def test_no_secret_is_logged_of_what_is_no_http(
    stranger: httpx.Client, server: Server, of_the_service: list[str]
) -> None:
    tokens, told = log_in(stranger, new_person(stranger)), Told()
    told.tell(tokens)

    for garbage in ("GET /auth/me HTTP/1.1\r\nAuthorization {}\r\n\r\n", "{}", "GET {}\r\n\r\n"):
        with socket.create_connection((server.host, server.port), timeout=10) as client:
            client.sendall(garbage.format(tokens.access).encode() + b"\r\n\r\n")
            assert b" 400 " in client.recv(65536)

    expect_silence(server, of_the_service + told, finish(stranger))


def test_no_secret_is_logged_of_a_login_through_the_provider(
    stranger: httpx.Client,
    server: Server,
    of_the_service: list[str],
    provider: Provider,
    level: str,
) -> None:
    told, sub = Told(), f"sub-{new_key()}"
    provider.set_claims(sub, name="Ada", email=f"{sub}@example.com", email_verified=True)

    started = stranger.get("/auth/oauth/login")
    callback = openid.authorize(started.headers["location"], sub)
    brought = openid.cookies_of(started)
    answer = openid.come_back(stranger, callback, brought)
    replayed = openid.come_back(stranger, callback, brought)
    given = parse_qs(urlsplit(callback).query) | parse_qs(
        urlsplit(started.headers["location"]).query
    )
    told.tell(*(given[name][0] for name in ("code", "state", "nonce", "code_challenge")))
    told.tell(*brought.values(), *filter(None, openid.cookies_of(answer).values()))

    assert (answer.status_code, replayed.is_client_error) == (303, True)
    assert len(told) >= 6
    log = expect_silence(server, of_the_service + told, finish(stranger))
    assert (" DEBUG " in log) == (level == "DEBUG")


# ---------------------------------------------------------------- crashes


@contextmanager
def broken(database_url: str, how: LiteralString, undo: LiteralString) -> Generator[None]:
    """Break the database, so that the service meets what it was not made for."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(SQL(how))
        try:
            yield
        finally:
            conn.execute(SQL(undo))


def expect_crash(answer: httpx.Response) -> None:
    """Check that an answer says nothing but that there was a crash."""
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_no_secret_is_logged_with_a_stack_trace(
    stranger: httpx.Client, server: Server, of_the_service: list[str], database_url: str
) -> None:
    told, ada = Told(), new_person(stranger)
    tokens, browser = log_in(stranger, ada), open_browser(stranger, ada)
    told.tell(ada, tokens, browser)
    tables: LiteralString = "ALTER TABLE {} RENAME TO {}"

    for table in ("refresh_tokens", "sessions", "users"):
        there, away = tables.format(table, "away"), tables.format("away", table)
        with broken(database_url, there, away):
            expect_crash(
                {
                    "refresh_tokens": lambda: ask_refresh(stranger, tokens.refresh),
                    "sessions": lambda: stranger.get("/auth/me", headers=browser.shown),
                    "users": lambda: ask_tokens(stranger, ada),
                }[table]()
            )
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE users SET password_hash = '$2b$04$x' WHERE id = %s", [ada.id])
    expect_crash(ask_tokens(stranger, ada))

    log = expect_silence(server, of_the_service + told, finish(stranger))
    assert log.count("http.crash") >= 4
    assert "Traceback (most recent call last)" in log


def test_no_row_is_logged_that_breaks_a_constraint_nobody_has_thought_of(
    stranger: httpx.Client, server: Server, of_the_service: list[str], database_url: str
) -> None:
    """PostgreSQL tells with the error which row it was, with its address and password hash."""
    told, email, password = Told(), new_email(), new_password()
    add: LiteralString = "ALTER TABLE users ADD CONSTRAINT odd CHECK (name <> E'A\\nda') NOT VALID"
    drop: LiteralString = "ALTER TABLE users DROP CONSTRAINT odd"

    with broken(database_url, add, drop):
        account = {"name": "A\nda", "email": email, "password": password}
        expect_crash(stranger.post("/auth/signup", json=account))
    told.tell(password, "$2b$")

    log = expect_silence(server, of_the_service + told, finish(stranger))
    assert 'violates check constraint "odd"' in log


def test_no_password_is_logged_of_a_database_that_cannot_be_reached(
    serve: Serve, of_the_service: list[str], database_url: str, client: dict[str, str], level: str
) -> None:
    address = make_conninfo(database_url, password="not-the-right-one")  # noqa: S106 -- no secret
    lost = serve(env={**IMPATIENT, **client, "DATABASE_URL": address, "LOG_LEVEL": level})

    with httpx.Client(base_url=lost.url, timeout=10) as http:
        answer = http.get("/readyz")
        log = expect_silence(lost, [*of_the_service, "not-the-right-one"], finish(http))

    assert answer.status_code == 503
    assert "password authentication failed" in log
