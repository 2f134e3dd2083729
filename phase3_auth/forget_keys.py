"""`python -m phase3_auth.forget_keys`: delete idempotency keys nobody will send again.

For a scheduler (cron, a systemd timer) to run every hour. As many as you like may run at once.
"""

import sys

import psycopg

from .settings import from_environment

KEPT = "24 hours"
AT_ONCE = 5000


def main() -> None:
    """Delete in small transactions: none holds its locks, or PostgreSQL's clean-up, for long."""
    settings = from_environment()
    forgotten = 0
    with psycopg.connect(
        settings.database_url,
        autocommit=True,
        connect_timeout=5,
        options="-c statement_timeout=60s",
    ) as conn:
        while deleted := delete_old_keys(conn):
            forgotten += deleted
    sys.stdout.write(f"Forgot {forgotten} idempotency keys older than {KEPT}.\n")


def delete_old_keys(conn: psycopg.Connection) -> int:
    """Delete some old keys and return how many; SKIP LOCKED leaves to others what they are at."""
    return conn.execute(
        """
        DELETE FROM idempotency_keys
         WHERE (user_id, key) IN (SELECT user_id, key
                                    FROM idempotency_keys
                                   WHERE created_at < now() - %(kept)s::interval
                                   ORDER BY created_at
                                   LIMIT %(at_once)s
                                     FOR UPDATE SKIP LOCKED)
        """,
        {"kept": KEPT, "at_once": AT_ONCE},
    ).rowcount


if __name__ == "__main__":
    main()
