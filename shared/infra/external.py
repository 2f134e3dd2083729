"""Services that somebody else runs: named by URL, looked at before they are used."""

from __future__ import annotations

import os

import psycopg

from .errors import InfraError

_CONNECT_WITHIN = 5


def postgres_url() -> str:
    """Return DATABASE_URL once its server has answered and its role may create databases."""
    url = _named("DATABASE_URL", "postgresql://user:password@127.0.0.1:5432/postgres")
    try:
        with psycopg.connect(url, connect_timeout=_CONNECT_WITHIN) as connection:
            row = connection.execute(
                """
                SELECT current_user, rolcreatedb OR rolsuper
                  FROM pg_roles
                 WHERE rolname = current_user
                """
            ).fetchone()
    except psycopg.Error as error:
        raise InfraError(f"The server that DATABASE_URL names can't be used: {error}") from None
    if row is None or not row[1]:
        name = row[0] if row else "the role"
        raise InfraError(f"{name} may not create databases. Let it: ALTER ROLE {name} CREATEDB")
    return url


def redis_url() -> str:
    """Return REDIS_URL."""
    return _named("REDIS_URL", "redis://127.0.0.1:6379/0")


def _named(variable: str, example: str) -> str:
    if url := os.environ.get(variable):
        return url
    raise InfraError(
        f"INFRA=external needs {variable}, for instance {example}. Or use INFRA=embedded."
    )
