"""What the attacks share: a service that lets anybody try as often as he likes, and its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from phase4_layered.tests.people import UNLIMITED, first_admin

from .access import World
from .people import Person, log_in, sign_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.fixtures import Serve
    from shared.servers import Server


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
def world(http: httpx.Client, ada: Person, mallory: Person, admin: Person) -> World:
    """Set the scene."""
    return World(http, http.get("/openapi.json").json(), ada, mallory, admin)
