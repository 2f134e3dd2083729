"""forget_sessions: what has expired goes, what has not stays, and nobody waits for anybody."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest

from phase4_layered.services.retention import AT_ONCE
from shared.phases import ROOT
from shared.race import together
from shared.servers import inherited

from .movable_clock import A_MOMENT, MODULE
from .people import (
    UNLIMITED,
    ask_refresh,
    is_known,
    log_in,
    new_person,
    open_browser,
    refresh,
    refusal,
)
from .working import forget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .movable_clock import MovableClock

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
EACH_KIND = {"sessions": 1, "refresh tokens": 1, "denials": 1, "unfinished logins": 1}

# Each makes rows that expire at a certain time; a refresh token has a session that does not.
MAKE: dict[str, LiteralString] = {
    "sessions": """
        INSERT INTO sessions (user_id, created_at, last_used_at, expires_at)
        SELECT 1, '2000-01-01', '2000-01-01', %(expires_at)s
          FROM generate_series(1, %(count)s)
        """,
    "refresh tokens": """
        WITH lasting AS (
            INSERT INTO sessions (user_id, created_at, last_used_at, expires_at)
            VALUES (1, '2000-01-01', '2000-01-01', 'infinity')
            RETURNING id
        )
        INSERT INTO refresh_tokens
               (hash, session_id, access_jti, issued_at, access_expires_at, expires_at)
        SELECT sha256(gen_random_uuid()::text::bytea), id, gen_random_uuid(), '2000-01-01',
               '2000-01-01', %(expires_at)s
          FROM lasting
         CROSS JOIN generate_series(1, %(count)s)
        """,
    "denials": """
        INSERT INTO revoked_tokens (jti, expires_at)
        SELECT gen_random_uuid(), %(expires_at)s
          FROM generate_series(1, %(count)s)
        """,
    "unfinished logins": """
        INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
        SELECT sha256(gen_random_uuid()::text::bytea), 'nonce', 'verifier', '/', %(expires_at)s
          FROM generate_series(1, %(count)s)
        """,
}
COUNT: dict[str, LiteralString] = {
    "sessions": "SELECT count(*) FROM sessions WHERE expires_at < 'infinity'",
    "refresh tokens": "SELECT count(*) FROM refresh_tokens",
    "denials": "SELECT count(*) FROM revoked_tokens",
    "unfinished logins": "SELECT count(*) FROM oauth_logins",
}
LOCK_ONE: dict[str, LiteralString] = {
    "sessions": "SELECT FROM sessions WHERE expires_at < 'infinity' LIMIT 1 FOR UPDATE",
    "refresh tokens": "SELECT FROM refresh_tokens LIMIT 1 FOR UPDATE",
    "denials": "SELECT FROM revoked_tokens LIMIT 1 FOR UPDATE",
    "unfinished logins": "SELECT FROM oauth_logins LIMIT 1 FOR UPDATE",
}
EACH = pytest.mark.parametrize("kind", MAKE)


@pytest.fixture
def conn(clean_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect to a database in which nobody is logged in; waiting for a lock is an error."""
    with psycopg.connect(clean_database, autocommit=True) as conn:
        conn.execute("SET lock_timeout = 1")
        yield conn


def make(conn: psycopg.Connection[Any], kind: str, expires_at: datetime, count: int = 1) -> None:
    """Write rows of a kind."""
    conn.execute(MAKE[kind], {"expires_at": expires_at, "count": count})


def left(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Count the rows of each kind."""
    return {kind: conn.execute(COUNT[kind]).fetchall()[0][0] for kind in COUNT}


def run(environment: dict[str, str], database_url: str) -> dict[str, int]:
    """Run it as a scheduler would; returns how many it says to have forgotten."""
    done = subprocess.run(
        [sys.executable, "-m", "phase4_layered.forget_sessions"],
        cwd=ROOT,
        env={**inherited(), **environment, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said = re.fullmatch(r"Forgot (.+)\.\n", done.stdout)
    assert said, done
    counts = [each.partition(" ") for each in said[1].split(", ")]
    return {kind: int(count) for count, _, kind in counts}


# ---------------------------------------------------------------- what goes


@EACH
def test_what_expires_now_or_has_expired_goes_and_what_expires_in_a_moment_stays(
    kind: str, conn: psycopg.Connection[Any]
) -> None:
    for expires_at in (NOW + A_MOMENT, NOW, NOW - A_MOMENT, LONG_AGO, NOW + timedelta(days=90)):
        make(conn, kind, expires_at)

    forgotten = forget(conn, NOW)

    assert forgotten == {**dict.fromkeys(MAKE, 0), kind: 3}
    assert left(conn) == {**dict.fromkeys(MAKE, 0), kind: 2}


@EACH
def test_however_many_they_are_they_all_go(kind: str, conn: psycopg.Connection[Any]) -> None:
    make(conn, kind, NOW, 2 * AT_ONCE + 1)

    forgotten = forget(conn, NOW)

    assert forgotten[kind] == 2 * AT_ONCE + 1
    assert left(conn) == dict.fromkeys(MAKE, 0)


def test_a_session_takes_its_tokens_along(conn: psycopg.Connection[Any]) -> None:
    make(conn, "refresh tokens", NOW + timedelta(days=1), 3)
    conn.execute("UPDATE sessions SET expires_at = %s", [NOW])

    forgotten = forget(conn, NOW)

    assert forgotten == {**dict.fromkeys(MAKE, 0), "sessions": 1}
    assert left(conn) == dict.fromkeys(MAKE, 0)


# ---------------------------------------------------------------- many at once


@EACH
def test_what_another_is_at_is_left_to_it(
    kind: str, conn: psycopg.Connection[Any], database_url: str
) -> None:
    make(conn, kind, NOW, 3)

    with psycopg.connect(database_url) as other:
        other.execute(LOCK_ONE[kind])
        forgotten = forget(conn, NOW)

    assert forgotten[kind] == 2
    assert forget(conn, NOW)[kind] == 1


def test_many_at_once_share_the_work(
    conn: psycopg.Connection[Any], environment: dict[str, str], database_url: str
) -> None:
    for kind in MAKE:
        make(conn, kind, LONG_AGO, AT_ONCE + 1)

    forgotten = together(3, lambda _: run(environment, database_url))

    assert not [each for each in forgotten if isinstance(each, Exception)], forgotten
    total = {kind: sum(each[kind] for each in forgotten if isinstance(each, dict)) for kind in MAKE}
    assert total == dict.fromkeys(MAKE, AT_ONCE + 1)
    assert left(conn) == dict.fromkeys(MAKE, 0)


# ---------------------------------------------------------------- nobody notices


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, clock_file: Path) -> Server:
    """Serve by a clock that is ours to move."""
    env = {**UNLIMITED, "DATABASE_URL": database_url, "CLOCK": str(clock_file)}
    return serve(MODULE, env=env)


def test_who_is_logged_in_stays_logged_in(
    stranger: httpx.Client, conn: psycopg.Connection[Any], clock: MovableClock
) -> None:
    ada = new_person(stranger)
    tokens, browser = log_in(stranger, ada), open_browser(stranger, ada)
    out = log_in(stranger, ada)
    stranger.post("/auth/logout", headers=out.headers).raise_for_status()
    clock.let_pass(timedelta(minutes=15) - A_MOMENT)

    forgotten = forget(conn, clock())

    assert forgotten == dict.fromkeys(MAKE, 0)
    assert [is_known(stranger, each) for each in (tokens, browser, out)] == [True, True, False]
    assert is_known(stranger, refresh(stranger, tokens))


def test_a_denial_is_forgotten_when_its_token_has_expired_by_itself(
    stranger: httpx.Client, conn: psycopg.Connection[Any], clock: MovableClock
) -> None:
    out = log_in(stranger, new_person(stranger))
    stranger.post("/auth/logout", headers=out.headers).raise_for_status()
    clock.let_pass(timedelta(minutes=15))

    forgotten = forget(conn, clock())

    assert forgotten["denials"] == 1
    assert not is_known(stranger, out)


def test_a_family_goes_on_without_its_tokens_of_weeks_ago(
    stranger: httpx.Client, conn: psycopg.Connection[Any], clock: MovableClock
) -> None:
    family = [log_in(stranger, new_person(stranger))]
    for _ in range(4):
        clock.let_pass(timedelta(days=10))
        forget(conn, clock())
        family.append(refresh(stranger, family[-1]))

    forgotten = forget(conn, clock())

    assert forgotten["sessions"] == 0
    assert left(conn)["refresh tokens"] == 2
    assert is_known(stranger, family[-1])
    assert refusal(ask_refresh(stranger, family[0].refresh)) == (401, "invalid_refresh_token")
    assert is_known(stranger, refresh(stranger, family[-1]))


# ---------------------------------------------------------------- the command


def test_the_command_says_what_it_has_forgotten_by_the_clock_on_the_wall(
    conn: psycopg.Connection[Any], environment: dict[str, str], database_url: str
) -> None:
    for kind in MAKE:
        make(conn, kind, LONG_AGO)
        make(conn, kind, datetime(2100, 1, 1, tzinfo=UTC))

    assert run(environment, database_url) == EACH_KIND
    assert left(conn) == EACH_KIND


def test_a_missing_setting_is_told_by_its_name(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "phase4_layered.forget_sessions"],
        cwd=ROOT,
        env={**inherited(), **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (2, "DATABASE_URL: must be set\n")
