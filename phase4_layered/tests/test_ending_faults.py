"""Faults in identity: whatever dies at whatever line, a session ends with all its tokens or lives.

A token that is denied while its session goes on would log its owner out for nothing. One that is
forgotten when its session ends would go on by itself: that is what these tests are after.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest
from psycopg.conninfo import make_conninfo

from shared.fixtures import IMPATIENT
from shared.witness import eventually

from .conftest import insist
from .endings import (
    Family,
    a_deletion,
    a_logout,
    a_password_change,
    a_stolen_token,
    an_admins_ending,
    has_done_it,
    new_family,
)
from .people import (
    UNLIMITED,
    Person,
    Tokens,
    ask_cookie,
    ask_refresh,
    ask_tokens,
    first_admin,
    is_known,
    log_in,
    new_password,
    new_person,
    open_browser,
    refusal,
    tokens_of,
)
from .steps import nothing_else
from .supervisor import is_alive, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.fixtures import Serve
    from shared.servers import Server

    from .endings import Prepare, Send
    from .steps import Steps

    Strike = Callable[[], object]


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, steps: Steps) -> Server:
    """Serve over one connection, which is one conversation; start again after each death."""
    through = make_conninfo(database_url, host="127.0.0.1", port=steps.port)
    one = {"POOL_MIN_SIZE": "1", "POOL_MAX_SIZE": "1", "DATABASE_URL": through}
    # However long a new start takes, an answer that was lost with the old one is given again.
    patient = {**IMPATIENT, **UNLIMITED, "REFRESH_GRACE": "60"}
    return serve("phase4_layered.tests.supervisor", env={**patient, **one})


@pytest.fixture(params=["killed", "cut"])
def strike(request: pytest.FixtureRequest, server: Server) -> Strike:
    """Kill the service as it is at that moment, or only cut its connection to PostgreSQL."""

    def kill() -> None:
        pid = serving(server)
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: not is_alive(pid))

    return kill if request.param == "killed" else nothing_else


class Scene(NamedTuple):
    """Who talks to whom, what strikes in between, and who may do everything."""

    http: httpx.Client
    steps: Steps
    strike: Strike
    admin: Tokens

    def broke(self, step: int, send: Send) -> bool:
        """Break what is sent at one of its steps; tell whether it had as many."""
        self.steps.break_at(step, self.strike)
        try:
            answer = send()
        except httpx.TransportError:
            answer = None
        if not self.steps.broke():
            assert answer is not None
            assert answer.is_success or has_done_it(answer)
            return False
        assert answer is None or answer.json()["code"] == "database_unavailable"
        insist(lambda: self.http.get("/readyz"))
        return True


@pytest.fixture
def scene(
    stranger: httpx.Client, steps: Steps, strike: Strike, environment: dict[str, str]
) -> Scene:
    """Set it."""
    return Scene(stranger, steps, strike, log_in(stranger, first_admin(environment)))


def all_or_nothing(http: httpx.Client, family: Family) -> Family:
    """Check that all of a family lives or all has ended; returns it, as it is after that."""
    known = {is_known(http, each) for each in family.members}
    answer = ask_refresh(http, family.last.refresh)
    assert known == {answer.is_success}
    if not answer.is_success:
        return family
    return Family(family.owner, (*family.members, tokens_of(answer)))


@pytest.mark.parametrize("prepare", [a_logout, an_admins_ending, a_deletion, a_stolen_token])
def test_a_session_ends_with_all_its_tokens_or_not_at_all(
    prepare: Prepare, scene: Scene, tell: Callable[[str, int], None]
) -> None:
    http, step, broken = scene.http, 0, True

    while broken:
        step += 1
        prepare(http, new_family(http), scene.admin)()  # prepares the statements
        family = new_family(http)
        send = prepare(http, family, scene.admin)
        broken = scene.broke(step, send)
        family = all_or_nothing(http, family)
        again = insist(send)

        assert has_done_it(again) or again.status_code in {401, 403, 404}
        assert family.has_ended(http)

    assert step > 4
    tell("steps", step)


def test_a_password_is_changed_and_the_other_sessions_ended_or_neither(scene: Scene) -> None:
    http, step, broken = scene.http, 0, True
    a_password_change(http, new_family(http), scene.admin)()  # prepares the statements

    while broken:
        step += 1
        ada = new_person(http)
        other, ours, changed = log_in(http, ada), open_browser(http, ada), new_password()
        change = {"current_password": ada.password, "new_password": changed}

        send = partial(http.post, "/auth/password", json=change, headers=ours.headers)
        broken = scene.broke(step, send)

        by_old = ask_tokens(http, ada).is_success
        by_new = ask_tokens(http, Person(ada.id, ada.email, changed)).is_success
        assert by_old != by_new
        assert is_known(http, other) == by_old
        assert is_known(http, ours)

    assert step > 10


def test_an_exchange_that_broke_off_is_the_same_when_it_is_asked_for_again(scene: Scene) -> None:
    http, step, broken = scene.http, 0, True

    while broken:
        step += 1
        family = new_family(http)

        broken = scene.broke(step, partial(ask_refresh, http, family.last.refresh))

        again = [tokens_of(ask_refresh(http, family.last.refresh)) for _ in range(2)]
        assert again[0] == again[1]
        assert Family(family.owner, (*family.members, again[0])).lives(http)

    assert step > 2


def test_a_login_that_broke_off_harms_nobody_and_can_be_repeated(scene: Scene) -> None:
    http, step, broken = scene.http, 0, True

    while broken:
        step += 1
        ada = new_person(http)
        other, earlier = log_in(http, ada), open_browser(http, ada)

        broken = scene.broke(step, partial(ask_cookie, http, ada, earlier.shown))

        assert is_known(http, other)
        again = ask_cookie(http, ada, earlier.shown)
        assert again.status_code == 200
        assert not is_known(http, earlier)
        assert refusal(http.get("/auth/session", headers=earlier.shown))[0] == 401

    assert step > 10
