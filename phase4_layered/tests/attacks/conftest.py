"""What the attacks share: a service that lets anybody try as often as he likes, and its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from phase4_layered.tests.people import UNLIMITED, first_admin

from .access import World
from .forging import Loot
from .people import Person, log_in, sign_up, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.fixtures import Serve
    from shared.servers import Server

    from .forging import Refused


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve without limits."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    """Open a client that is nobody, unless a request says more: so an attack begins."""
    with httpx.Client(base_url=base_url, timeout=10) as client:
        yield client


@pytest.fixture
def mallory(http: httpx.Client) -> Person:
    """Sign up the attacker, who has an account like everybody else."""
    return sign_up(http, "Mallory")


@pytest.fixture
def ada(http: httpx.Client) -> Person:
    """Sign up the victim."""
    return sign_up(http, "Ada")


@pytest.fixture
def admin(http: httpx.Client, environment: dict[str, str]) -> Person:
    """Log the first admin in."""
    return log_in(http, first_admin(environment))


@pytest.fixture
def loot(environment: dict[str, str], mallory: Person, ada: Person) -> Loot:
    """Give a forger what he may have."""
    key = environment["JWT_KEYS"].partition(",")[0].partition(":")[2]
    return Loot(mallory.token, ada.id, key.encode())


@pytest.fixture
def opens_nothing(http: httpx.Client, mallory: Person) -> Refused:
    """Check that a token is refused, in the one way there is, and that genuine ones still count."""
    one_way = told(http.get("/auth/me", headers={"Authorization": "Bearer nonsense"}))
    assert one_way[0] == 401
    assert one_way[2]["www-authenticate"] == 'Bearer realm="shop", error="invalid_token"'

    def check(token: str) -> None:
        headers = {b"Authorization": f"Bearer {token}".rstrip(" ").encode()}
        answer = http.get("/auth/me", headers=headers)

        assert told(answer) == one_way
        assert http.get("/auth/me", headers=mallory.headers).is_success

    return check


@pytest.fixture
def world(http: httpx.Client, ada: Person, mallory: Person, admin: Person) -> World:
    """Set the scene."""
    return World(http, http.get("/openapi.json").json(), ada, mallory, admin)
