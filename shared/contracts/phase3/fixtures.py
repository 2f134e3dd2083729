"""Clients for checks: without an identity, as the first admin, and as phase 2's checks know it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shared.contracts.kit import Api

from .admins import FirstAdmin
from .givens import as_user
from .interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["admin", "anybody", "api", "first_admin"]


@pytest.fixture(scope="module")
def first_admin(request: pytest.FixtureRequest) -> FirstAdmin:
    """Know the first admin of the server under test, who is logged in when somebody asks for it.

    The environment says who that is: ours if somebody else started the server, else the server's.
    """
    theirs = request.config.getoption("--url") is not None
    given: Mapping[str, str] = os.environ if theirs else request.getfixturevalue("environment")
    missing = [name for name in ("ADMIN_EMAIL", "ADMIN_PASSWORD") if not given.get(name)]
    if missing:
        raise LookupError(f"The checks need an admin. Set {' and '.join(missing)}.")
    return FirstAdmin(given["ADMIN_EMAIL"], given["ADMIN_PASSWORD"])


@pytest.fixture
def anybody(base_url: str) -> Iterator[Api]:
    """Speak to the server under test without saying who one is.

    Every other client of a check is made of this one, so that they remember in one place what the
    check has done.
    """
    client = Api(base_url)
    yield client
    client.close()


@pytest.fixture
def admin(anybody: Api, first_admin: FirstAdmin) -> Api:
    """Speak as the first admin."""
    return as_user(anybody, first_admin.tokens(anybody))


@pytest.fixture
def api(anybody: Api, admin: Api) -> Api:
    """Speak as phase 2's checks do, which know of no identity."""
    return Interpreter(anybody, admin)
