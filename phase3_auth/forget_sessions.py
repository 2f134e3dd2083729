"""`python -m` this module: delete what has expired of sessions, tokens, denials and logins.

For a scheduler (cron, a systemd timer) to run every hour. As many as you like may run at once.
Nothing depends on it but the size of the tables: what has expired opens nothing, deleted or not.
"""

import sys
from datetime import datetime
from typing import LiteralString

import psycopg

from .clock import utc_now
from .settings import from_environment

AT_ONCE = 5000

# What is deleted, and how that is said. A used refresh token that has expired would be refused all
# the same, so nothing is lost with it; its successor's `parent` still names it, and may.
EXPIRED: dict[str, LiteralString] = {
    "sessions": """
        DELETE FROM sessions
         WHERE id IN (SELECT id
                        FROM sessions
                       WHERE expires_at <= %(now)s
                       ORDER BY expires_at
                       LIMIT %(at_once)s
                         FOR UPDATE SKIP LOCKED)
        """,
    "refresh tokens": """
        DELETE FROM refresh_tokens
         WHERE hash IN (SELECT hash
                          FROM refresh_tokens
                         WHERE expires_at <= %(now)s
                         ORDER BY expires_at
                         LIMIT %(at_once)s
                           FOR UPDATE SKIP LOCKED)
        """,
    "denials": """
        DELETE FROM revoked_tokens
         WHERE jti IN (SELECT jti
                         FROM revoked_tokens
                        WHERE expires_at <= %(now)s
                        ORDER BY expires_at
                        LIMIT %(at_once)s
                          FOR UPDATE SKIP LOCKED)
        """,
    "unfinished logins": """
        DELETE FROM oauth_logins
         WHERE state_hash IN (SELECT state_hash
                                FROM oauth_logins
                               WHERE expires_at <= %(now)s
                               ORDER BY expires_at
                               LIMIT %(at_once)s
                                 FOR UPDATE SKIP LOCKED)
        """,
}


def main() -> None:
    """Delete in small transactions: none holds its locks, or PostgreSQL's clean-up, for long."""
    settings = from_environment()
    with psycopg.connect(
        settings.database_url,
        autocommit=True,
        connect_timeout=5,
        options="-c statement_timeout=60s",
    ) as conn:
        forgotten = forget(conn, utc_now())
    told = ", ".join(f"{count} {what}" for what, count in forgotten.items())
    sys.stdout.write(f"Forgot {told}.\n")


def forget(conn: psycopg.Connection, now: datetime) -> dict[str, int]:
    """Delete all that has expired; returns how many of each kind."""
    return {what: _delete_all(conn, statement, now) for what, statement in EXPIRED.items()}


def _delete_all(conn: psycopg.Connection, statement: LiteralString, now: datetime) -> int:
    total = 0
    while deleted := conn.execute(statement, {"now": now, "at_once": AT_ONCE}).rowcount:
        total += deleted
    return total


if __name__ == "__main__":
    main()
