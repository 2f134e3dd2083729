"""forget_keys: keys of yesterday go, those of today stay, and nobody waits for anybody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from phase4_layered.services.retention import AT_ONCE
from shared.phases import ROOT
from shared.race import together

from .conftest import ask_order, books_balance, new_key, new_product, new_user
from .working import forget_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx


@pytest.fixture
def conn(clean_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect to a database without keys."""
    with psycopg.connect(clean_database, autocommit=True) as conn:
        yield conn


def remember(conn: psycopg.Connection[Any], age: str, count: int = 1) -> None:
    """Write keys of this age, for orders of nothing."""
    conn.execute(
        """
        WITH ada AS (
            INSERT INTO users (name, email)
            VALUES ('Ada', %(age)s || '@example.com')
            RETURNING id
        ), placed AS (
            INSERT INTO orders (user_id, total)
            SELECT id, 0
              FROM ada
             CROSS JOIN generate_series(1, %(count)s)
            RETURNING id, user_id
        )
        INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id, created_at)
        SELECT user_id, %(age)s || row_number() OVER (), sha256('1'), id, now() - %(age)s::interval
          FROM placed
        """,
        {"age": age, "count": count},
    )


@pytest.fixture
def run(environment: dict[str, str], database_url: str) -> Callable[[], int]:
    """Run it as a scheduler would; returns how many it says to have forgotten."""

    def run() -> int:
        done = subprocess.run(
            [sys.executable, "-m", "phase4_layered.forget_keys"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment, "DATABASE_URL": database_url},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        said = re.fullmatch(r"Forgot (\d+) idempotency keys older than 24 hours\.\n", done.stdout)
        assert said, done
        return int(said[1])

    return run


def test_only_keys_older_than_a_day_are_forgotten(
    conn: psycopg.Connection[Any], run: Callable[[], int]
) -> None:
    for age in ("23 hours 59 minutes", "24 hours 1 minute", "400 days", "0 hours"):
        remember(conn, age)

    forgotten = run()

    assert forgotten == 2
    kept = conn.execute("SELECT key FROM idempotency_keys ORDER BY created_at").fetchall()
    assert [key for (key,) in kept] == ["23 hours 59 minutes1", "0 hours1"]


def test_many_at_once_share_the_work(conn: psycopg.Connection[Any], run: Callable[[], int]) -> None:
    remember(conn, "2 days", 2 * AT_ONCE + 1)

    forgotten = together(3, lambda _: run())

    assert not [each for each in forgotten if isinstance(each, Exception)], forgotten
    assert sum(each for each in forgotten if isinstance(each, int)) == 2 * AT_ONCE + 1
    assert conn.execute("SELECT FROM idempotency_keys").fetchall() == []


def test_what_another_is_at_is_left_to_it(conn: psycopg.Connection[Any], database_url: str) -> None:
    remember(conn, "2 days", 3)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM idempotency_keys WHERE key = '2 days2' FOR UPDATE")

        forgotten = forget_keys(conn)  # waiting would be an error

    assert forgotten == 2


def test_a_key_of_the_same_letters_stays_with_who_has_used_it_since(
    conn: psycopg.Connection[Any], http: httpx.Client, run: Callable[[], int]
) -> None:
    ada, bob, product, key = new_user(http), new_user(http), new_product(http), new_key()
    ask_order(http, ada, {product: 1}, key).raise_for_status()
    conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    young = ask_order(http, bob, {product: 1}, key)

    forgotten = run()

    assert forgotten == 1
    assert ask_order(http, bob, {product: 1}, key).content == young.content
    assert conn.execute("SELECT user_id FROM idempotency_keys").fetchall() == [(bob,)]


def test_a_forgotten_key_makes_a_new_order_and_the_old_one_stays(
    conn: psycopg.Connection[Any], http: httpx.Client, run: Callable[[], int]
) -> None:
    user, product, key = new_user(http), new_product(http), new_key()
    first = ask_order(http, user, {product: 1}, key).json()
    conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")

    forgotten = run()
    second = ask_order(http, user, {product: 1}, key).json()

    assert forgotten == 1
    assert second["id"] != first["id"]
    assert http.get(f"/orders/{first['id']}").json() == first
    books_balance(conn)


def test_a_missing_address_is_told_by_its_name(environment: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "phase4_layered.forget_keys"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (2, "DATABASE_URL: must be set\n")
