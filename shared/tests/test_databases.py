"""Databases that the course did not make are none of its business."""

from __future__ import annotations

import secrets

import psycopg
import pytest
from psycopg import sql

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
