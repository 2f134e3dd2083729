"""What the services are given here: a shop in memory, no pauses, and no connection to anything."""

from __future__ import annotations

import random
import socket
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import psycopg.generators
import pytest

from phase4_layered.domain.identity import Identity
from phase4_layered.tests.in_memory.store import Store
from phase4_layered.tests.in_memory.unit_of_work import InMemoryWork

if TYPE_CHECKING:
    from phase4_layered.domain.users import User
    from phase4_layered.services.ports import Work


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio, as the service runs."""
    return "asyncio"


@pytest.fixture
def store() -> Store:
    """Keep an empty shop, which a test can look into."""
    return Store()


@pytest.fixture
def work(store: Store) -> Work:
    """Give what services are given."""
    return InMemoryWork(store)


@pytest.fixture(autouse=True)
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test connect to anything: not by a socket, and not by libpq, which has its own."""
    monkeypatch.setattr(psycopg.generators, "connect", refuse_to_connect)
    for how in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, how, refuse_to_connect)


def refuse_to_connect(*_: object, **__: object) -> NoReturn:
    """Fail the test."""
    pytest.fail("a unit test connects to nothing; what needs a connection is tested elsewhere")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Let nobody pause between two attempts; tells between which lengths the pauses would be."""
    asked: list[tuple[float, float]] = []

    def none_at_all(least: float, most: float) -> float:
        asked.append((least, most))
        return 0

    monkeypatch.setattr(random, "uniform", none_at_all)
    return asked


def speaking_for(user: User) -> Identity:
    """Be a user."""
    return Identity(user.id, user.role)


ADMIN = Identity(0, "admin")
"""Somebody to whom all doors are open."""


def make_admin(store: Store, user: User) -> None:
    """Let a user be an admin."""
    users = store.tables.users
    users[user.id] = replace(users[user.id], role="admin")


class Failed(Exception):
    """Something that nobody has thought of."""


async def fail(*_: object) -> None:
    """Stand in the place of a repository's method, and fail."""
    raise Failed
