"""Secrets that get to where they should not be: caches, addresses, logs, error messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.tests.people import ask_cookie, cookie_of, open_browser

from .access import RULES, World
from .people import PASSWORD, log_in, sign_up

if TYPE_CHECKING:
    import httpx

    from shared.servers import Server

    from .people import Person


def test_nobody_on_the_way_keeps_what_opens_a_door(http: httpx.Client, ada: Person) -> None:
    credentials = {"email": ada.email, "password": PASSWORD}
    session = ask_cookie(http, ada)

    for answer in (
        http.post("/auth/login", json=credentials),
        http.post("/auth/refresh", json={"refresh_token": ada.refresh_token}),
        session,
        http.get("/auth/session", headers={"Cookie": f"__Host-session={cookie_of(session)}"}),
    ):
        assert answer.is_success
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("by", ["token", "cookie"])
@pytest.mark.parametrize("name", [name for name in RULES if RULES[name] != "anyone"])
def test_nobody_on_the_way_keeps_what_is_for_one_person(world: World, name: str, by: str) -> None:
    for actor in ("admin", "stranger"):
        answer = world.ask(name, world.identity(actor, by), world.person(actor))
        assert answer.headers["cache-control"] == "no-store", actor


def test_what_is_for_everybody_may_be_kept(http: httpx.Client) -> None:
    for path in ("/products", "/docs", "/openapi.json"):
        assert "no-store" not in http.get(path).headers.get("cache-control", "")


@pytest.mark.parametrize(
    "suffix", ["/style.css", "%2Fstyle.css", ";x.css", ".css", "%0A.css", "%23.css", "%3F.css"]
)
def test_a_private_page_is_not_shown_under_the_name_of_a_public_file(
    http: httpx.Client, ada: Person, suffix: str
) -> None:
    # Web cache deception: what ends in .css a cache keeps, whatever was in it.
    for path in ("/auth/me", "/orders", f"/users/{ada.id}"):
        answer = http.get(f"{path}{suffix}", headers=open_browser(http, ada).headers)
        assert answer.status_code in {400, 404}
        assert ada.email not in answer.text


def test_no_secret_is_logged_whatever_is_done_with_it(
    http: httpx.Client, server: Server, environment: dict[str, str], admin: Person
) -> None:
    ada = sign_up(http, "Ada")
    cookie = open_browser(http, ada).headers
    second = log_in(http, ada)
    successor = http.post("/auth/refresh", json={"refresh_token": second.refresh_token}).json()
    new_password = "another horse and battery"  # noqa: S105 -- to look for it
    change = {"current_password": PASSWORD, "new_password": new_password}
    secrets = [
        *(ada.token, ada.refresh_token, second.token, second.refresh_token, admin.token),
        *(successor["access_token"], successor["refresh_token"]),
        *(cookie["Cookie"].partition("=")[2], cookie["X-CSRF-Token"]),
        *(PASSWORD, new_password, "a wrong password", environment["ADMIN_PASSWORD"]),
        *(environment["PASSWORD_PEPPER"], environment["JWT_KEYS"].partition(":")[2]),
        *(ada.email, "Ada Lovelace", "$2b$"),
    ]

    # Used well, used badly, used in the wrong place.
    http.get("/auth/me", headers=ada.headers)
    http.get("/auth/me", headers=cookie)
    http.patch(f"/users/{ada.id}", json={"name": "Ada Lovelace"}, headers=ada.headers)
    http.post("/auth/login", json={"email": ada.email, "password": "a wrong password"})
    http.post("/auth/login", json={"email": ada.email, "password": [PASSWORD]})
    http.post("/auth/login", content=f'{{"password": "{PASSWORD}"'.encode())
    http.post("/auth/signup", json={"name": "A", "email": ada.email, "password": PASSWORD})
    http.post("/auth/refresh", json={"refresh_token": second.refresh_token})
    http.post("/auth/password", json=change, headers=cookie)
    http.post("/auth/password", json=change, headers=ada.headers)
    for secret in secrets:
        http.get("/auth/me", params={"token": secret})
        http.get("/auth/me", headers={"X-CSRF-Token": secret, "Referer": f"http://x/?{secret}"})
        http.get("/auth/me", headers={"Authorization": f"Bearer {secret}"})
        http.get("/auth/me", headers={"Cookie": f"__Host-session={secret}", "User-Agent": secret})
        http.post("/orders", json={}, headers={**ada.headers, "Idempotency-Key": secret})
    http.post("/auth/logout", headers=cookie)

    server.settle()
    log = server.log()
    assert "auth.logged_out" in log
    for secret in secrets:
        assert secret not in log


def test_no_secret_is_repeated_in_an_answer(http: httpx.Client, ada: Person) -> None:
    marked = "a-password-to-look-for"
    answers = [
        http.post("/auth/login", json={"email": ada.email, "password": marked}),
        http.post("/auth/login", json={"email": ada.email, "password": [marked]}),
        http.post("/auth/login", json={"email": ada.email, "password": marked * 100}),
        http.post("/auth/login", json={"email": "x", "password": marked}),
        http.post("/auth/login", json=marked),
        http.post("/auth/signup", json={"name": "A", "email": "x", "password": marked}),
        http.post("/auth/signup", json={"name": "A", "email": ada.email, "password": marked}),
        http.post("/auth/refresh", json={"refresh_token": marked}),
        http.post("/auth/refresh", json={"refresh_token": marked * 100}),
        http.get("/auth/me", headers={"Authorization": f"Bearer {marked}"}),
        http.get("/auth/me", headers={"Cookie": f"__Host-session={marked}"}),
        http.get("/auth/me", params={"token": marked}),
    ]

    for answer in answers:
        assert answer.is_client_error
        assert marked not in answer.text
        assert marked not in str(answer.headers)


def test_an_answer_tells_nothing_of_what_runs_here(http: httpx.Client, ada: Person) -> None:
    answers = [
        http.get("/auth/me", headers=ada.headers),
        http.get("/nothing"),
        http.get("/users/x", headers=ada.headers),
        http.post("/auth/login", content=b"{"),
        http.request("TRACE", "/auth/me"),
    ]

    for answer in answers:
        for word in ("server", "x-powered-by", "via"):
            assert word not in answer.headers
        for word in ("Traceback", "python", "uvicorn", "psycopg", "SELECT", "starlette"):
            assert word not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
