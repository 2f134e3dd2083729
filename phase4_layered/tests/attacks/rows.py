"""All that a database holds, so that an attack without effect can be told from one with."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier


def all_rows(database_url: str) -> dict[str, list[Any]]:
    """Return the rows of every table as text."""
    with psycopg.connect(database_url) as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {table: rows_of(conn, table) for (table,) in tables.fetchall()}


def rows_of(conn: psycopg.Connection[Any], table: str) -> list[Any]:
    """Return the rows of a table as text, in an order of their own."""
    query = SQL("SELECT each::text FROM {} AS each ORDER BY 1").format(Identifier(table))
    return conn.execute(query).fetchall()
