"""The pool: whoever is refused gives the connection back, and whoever is looked at has none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import pytest

from phase4_layered import dependencies
from phase4_layered.adapters.passwords import Passwords
from phase4_layered.main import create_app
from shared.fixtures import IMPATIENT

from .conftest import ADMIN, as_user
from .people import (
    UNLIMITED,
    ask_refresh,
    first_admin,
    log_in,
    new_person,
    open_browser,
    refresh,
)

if TYPE_CHECKING:
    from phase4_layered.settings import Settings
    from shared.fixtures import Serve
    from shared.servers import Server

NOBODY = 4611686018427387904


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve with one connection, and room for one request that waits for it."""
    narrow = {"POOL_MAX_SIZE": "1", "POOL_MAX_WAITING": "1"}
    return serve(env={**IMPATIENT, **UNLIMITED, **narrow, "DATABASE_URL": database_url})


def test_a_connection_returns_after_every_kind_of_failure(
    http: httpx.Client, stranger: httpx.Client
) -> None:
    ada = new_person(stranger)
    fields = {"name": "Eve", "email": ada.email, "password": ada.password}
    wrong = {"current_password": "wrong", "new_password": ada.password}
    # More of each than there are connections: a leak of one would end the service.
    for _ in range(3):
        first, browser = log_in(stranger, ada), open_browser(stranger, ada)
        refresh(stranger, refresh(stranger, first))
        refused = {
            stranger.post("/auth/signup", json=fields): 409,
            stranger.post("/auth/login", json={"email": ada.email, "password": "wrong"}): 401,
            stranger.post("/auth/password", json=wrong, headers=browser.headers): 403,
            stranger.post("/auth/logout", headers=browser.shown): 403,
            stranger.get("/users", headers=browser.headers): 403,
            stranger.get("/auth/me", headers=as_user(NOBODY)): 401,
            ask_refresh(stranger, first.refresh): 401,
            ask_refresh(stranger, "unknown"): 401,
            stranger.get("/auth/me", headers=first.headers): 401,
            http.put(f"/users/{NOBODY}/role", json={"role": "user"}): 404,
            http.put(f"/users/{ADMIN}/role", json={"role": "user"}): 409,
            http.delete(f"/users/{ADMIN}"): 409,
        }
        assert [answer.status_code for answer in refused] == list(refused.values())
    assert stranger.get("/auth/me", headers=log_in(stranger, ada).headers).status_code == 200


class Slow(Passwords):
    """Takes its time to find that a password is right."""

    def __init__(self) -> None:
        super().__init__("a pepper for tests, of 32 or more", 4, 1)
        self.looking, self.seen = asyncio.Event(), asyncio.Event()

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Look until told to stop."""
        del password, hashed
        self.looking.set()
        await self.seen.wait()
        return True


def test_while_a_password_is_looked_at_others_have_the_connection(
    settings: Settings, environment: dict[str, str]
) -> None:
    one = settings.model_copy(update={"pool_min_size": 1, "pool_max_size": 1})
    admin = first_admin(environment)

    async def scenario() -> tuple[httpx.Response, httpx.Response]:
        slow = Slow()
        with patch.object(dependencies, "Passwords", return_value=slow):
            app = create_app(one)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
        async with app.router.lifespan_context(app), client as http:
            given = {"email": admin.email, "password": admin.password}
            login = asyncio.create_task(http.post("/auth/login", json=given))
            await slow.looking.wait()
            meanwhile = await http.get("/auth/me", headers=as_user(ADMIN))
            slow.seen.set()
            return meanwhile, await login

    meanwhile, login = asyncio.run(scenario())

    assert (meanwhile.status_code, login.status_code) == (200, 200)
