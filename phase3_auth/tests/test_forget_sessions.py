"""forget_sessions: what opens nothing any more goes, the rest stays, and nobody waits."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from phase3_auth.clock import utc_now
from phase3_auth.forget_sessions import AT_ONCE, forget
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of each kind one that has expired and one that has not; the token that has belongs to a session
# that lives.
SEED = """
    INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at)
    SELECT 1, sha256(lives::text::bytea), now() - interval '2 hours', now() - interval '2 hours',
           now() + lives * interval '1 hour'
      FROM unnest(ARRAY[-1, 1]) AS lives;
    INSERT INTO refresh_tokens
           (hash, session_id, access_jti, issued_at, access_expires_at, expires_at)
    SELECT sha256(lives::text::bytea), (SELECT max(id) FROM sessions), gen_random_uuid(),
           now(), now(), now() + lives * interval '1 hour'
      FROM unnest(ARRAY[-1, 1]) AS lives;
    INSERT INTO revoked_tokens (jti, expires_at)
    SELECT gen_random_uuid(), now() + lives * interval '1 hour'
      FROM unnest(ARRAY[-1, 1]) AS lives;
    INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
    SELECT sha256(lives::text::bytea), '', '', '/', now() + lives * interval '1 hour'
      FROM unnest(ARRAY[-1, 1]) AS lives;
    """

TABLES = ("sessions", "refresh_tokens", "revoked_tokens", "oauth_logins")


@pytest.fixture
def conn(clean_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect to a database in which things have expired."""
    with psycopg.connect(clean_database, autocommit=True) as conn:
        conn.execute(SEED)
        yield conn


def test_what_has_expired_goes_and_the_rest_stays(
    conn: psycopg.Connection[Any], environment: dict[str, str], database_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "phase3_auth.forget_sessions"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment, "DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    told = "Forgot 1 sessions, 1 refresh tokens, 1 denials, 1 unfinished logins.\n"
    assert (done.stdout, done.stderr) == (told, "")
    for table in TABLES:
        kept = SQL("SELECT expires_at > now() FROM {}").format(Identifier(table))
        assert conn.execute(kept).fetchall() == [(True,)], table


def test_more_than_fits_into_one_transaction_goes_in_several(
    conn: psycopg.Connection[Any],
) -> None:
    conn.execute(
        """
        INSERT INTO revoked_tokens (jti, expires_at)
        SELECT gen_random_uuid(), now()
          FROM generate_series(1, %s)
        """,
        [AT_ONCE],
    )

    assert forget(conn, utc_now())["denials"] == AT_ONCE + 1


def test_what_another_is_at_is_left_to_it(conn: psycopg.Connection[Any], database_url: str) -> None:
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM sessions FOR UPDATE")
        other.execute("SELECT FROM revoked_tokens FOR UPDATE")
        conn.execute("SET lock_timeout = 1")  # waiting would be an error

        forgotten = forget(conn, utc_now())

    assert list(forgotten.values()) == [0, 1, 0, 1]
