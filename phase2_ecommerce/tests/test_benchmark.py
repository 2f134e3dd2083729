"""The benchmark: what pgbench is given as the limit is the statement that the service sends."""

from __future__ import annotations

import ast
from pathlib import Path

from phase2_ecommerce import place_order
from shared.bench.plan import HERE

# What the service sends as parameters, and pgbench makes up.
MADE_UP = {
    "%(key)s": "(:key1::text || '-' || :key2::text)",
    "%(fingerprint)s": "sha256('an order')",
    "%(user_id)s": ":user_id",
    "%(ids)s": "ARRAY[:one, :other]",
    "%(quantities)s": "ARRAY[1, 2]",
}


def statement_of_the_order() -> str:
    """Return the SQL in place_order.py."""
    tree = ast.parse(Path(place_order.__file__).read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    [statement] = [text for text in texts if isinstance(text, str) and "WITH claimed" in text]
    return statement


def test_pgbench_is_given_the_same_sql() -> None:
    script = (HERE / "phase2" / "order.sql").read_text(encoding="utf-8")
    statement = statement_of_the_order()
    for parameter, made_up in MADE_UP.items():
        statement = statement.replace(parameter, made_up)

    given = script.partition("WITH claimed")[2].rstrip(";\n")

    assert given.split() == statement.partition("WITH claimed")[2].split()
