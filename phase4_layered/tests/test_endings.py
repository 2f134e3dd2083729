"""Endings: whatever else is going on at that moment, nothing of an ended session survives."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from shared.race import together
from shared.witness import eventually, waiting_for_locks

from .endings import EACH_ENDING, Family, has_done_it, new_family
from .people import (
    UNLIMITED,
    Tokens,
    ask_refresh,
    first_admin,
    is_known,
    log_in,
    new_person,
    open_browser,
    refusal,
    tokens_of,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .endings import Prepare
    from .people import Login


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve whom it may concern, as often as he likes."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@pytest.fixture
def admin(stranger: httpx.Client, environment: dict[str, str]) -> Tokens:
    """Log the first admin in."""
    return log_in(stranger, first_admin(environment))


@contextmanager
def holding(database_url: str, family: Family) -> Generator[psycopg.Connection[Any]]:
    """Hold the row of a session: whoever ends it or adds a token to it queues up behind us."""
    with psycopg.connect(database_url) as conn:
        conn.execute(
            """
            SELECT
              FROM sessions
              JOIN refresh_tokens AS token ON token.session_id = sessions.id
             WHERE token.hash = sha256(%s)
               FOR UPDATE OF sessions
            """,
            [family.last.refresh.encode()],
        )
        yield conn


@EACH_ENDING
def test_what_ends_a_session_ends_all_of_it_at_once(
    prepare: Prepare, stranger: httpx.Client, admin: Tokens
) -> None:
    family, other = new_family(stranger), new_family(stranger)
    send = prepare(stranger, family, admin)

    answer = send()

    assert has_done_it(answer)
    assert family.has_ended(stranger)
    assert other.lives(stranger)
    assert is_known(stranger, admin)


@EACH_ENDING
def test_tokens_that_were_given_out_just_before_the_end_are_ended_with_the_others(
    prepare: Prepare, stranger: httpx.Client, admin: Tokens, database_url: str
) -> None:
    family = new_family(stranger)
    send = prepare(stranger, family, admin)

    with ThreadPoolExecutor() as threads, holding(database_url, family) as conn:
        exchange = threads.submit(ask_refresh, stranger, family.last.refresh)
        eventually(lambda: waiting_for_locks(conn) == 1)
        ending = threads.submit(send)
        eventually(lambda: waiting_for_locks(conn) == 2)
        conn.commit()

    assert has_done_it(ending.result())
    late = tokens_of(exchange.result())
    assert Family(family.owner, (*family.members, late)).has_ended(stranger)


@EACH_ENDING
def test_who_asks_for_tokens_just_after_the_end_gets_none(
    prepare: Prepare, stranger: httpx.Client, admin: Tokens, database_url: str
) -> None:
    family = new_family(stranger)
    send = prepare(stranger, family, admin)

    with ThreadPoolExecutor() as threads, holding(database_url, family) as conn:
        ending = threads.submit(send)
        eventually(lambda: waiting_for_locks(conn) == 1)
        exchanges = [threads.submit(ask_refresh, stranger, family.last.refresh) for _ in range(3)]
        eventually(lambda: waiting_for_locks(conn) == 4)
        conn.commit()

    assert has_done_it(ending.result())
    refused = {refusal(exchange.result()) for exchange in exchanges}
    assert refused == {(401, "invalid_refresh_token")}
    assert family.has_ended(stranger)


@EACH_ENDING
def test_ten_who_end_a_session_at_once_do_not_stand_in_each_others_way(
    prepare: Prepare, stranger: httpx.Client, admin: Tokens
) -> None:
    family = new_family(stranger)
    sends = [prepare(stranger, family, admin) for _ in range(10)]

    answers = together(10, lambda number: sends[number]())

    for answer in answers:
        assert not isinstance(answer, Exception)
        # The first has done it; to those after it there is nobody, or nothing left to do.
        assert has_done_it(answer) or answer.status_code in {401, 403, 404}, answer.text
    assert family.has_ended(stranger)


def test_in_a_storm_of_logins_refreshes_and_endings_nobody_fails_and_nothing_is_left(
    stranger: httpx.Client,
) -> None:
    ada = new_person(stranger)
    given: list[Login] = [log_in(stranger, ada), open_browser(stranger, ada)]
    dice = random.Random(7)  # noqa: S311 -- no secret

    def act(_: int) -> int:
        login = dice.choice(given)
        deed = dice.randrange(5)
        if deed == 0:
            given.append(log_in(stranger, ada))
        elif deed == 1:
            given.append(open_browser(stranger, ada))
        elif deed == 2:
            return stranger.post("/auth/logout", headers=login.headers).status_code
        elif deed == 3 and dice.randrange(4) == 0:
            return stranger.post("/auth/logout-everywhere", headers=login.headers).status_code
        elif isinstance(login, Tokens):
            answer = ask_refresh(stranger, login.refresh)
            if answer.is_success:
                given.append(tokens_of(answer))
            return answer.status_code
        return 200

    told = [each for _ in range(25) for each in together(8, act)]
    last = open_browser(stranger, ada)
    stranger.post("/auth/logout-everywhere", headers=last.headers).raise_for_status()

    assert set(told) <= {200, 204, 401}
    assert len(given) > 20
    assert not any(is_known(stranger, each) for each in (*given, last))
    tokens = [each for each in given if isinstance(each, Tokens)]
    assert not any(ask_refresh(stranger, each.refresh).is_success for each in tokens)
