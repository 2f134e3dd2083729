"""Databases that the course did not make are none of its business."""

from __future__ import annotations

import secrets

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shared import databases, infra
from shared.phases import find_phase


def test_a_database_of_somebody_else_is_never_dropped() -> None:
    schema = find_phase(1).schema
    assert schema
    admin = infra.postgres()
    name = f"somebodys_{secrets.token_hex(4)}"
    theirs = sql.Identifier(f"{name}_unfinished")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(theirs))
        try:
            with pytest.raises(databases.DatabaseError, match="the course didn't make"):
                databases.ensure_database(admin, name, schema)

            connection.execute(sql.SQL("COMMENT ON DATABASE {} IS 'kept'").format(theirs))
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(theirs))


@pytest.mark.parametrize(
    "server",
    [
        "postgresql://ada:p%40elsewhere%3A99%2Fx%25@db.example.org:5433/postgres?sslmode=require",
        "postgresql://ada@[::1]:5432/postgres",
        "postgresql://ada@%2Fvar%2Frun%2Fpostgresql:5432/postgres",
    ],
)
def test_another_database_is_on_the_same_server(server: str) -> None:
    url = databases.url_of(server, "other")

    assert conninfo_to_dict(url) == {**conninfo_to_dict(server), "dbname": "other"}
