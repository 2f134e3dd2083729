"""`course psql`: PostgreSQL's own client, told where to look without a word on its command line."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from shared import databases, infra
from shared.course import psql
from shared.course.errors import CourseError
from shared.phases import find_phase

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "p@ss:w/rd"  # noqa: S105 - nobody's


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Give a database like that of phase 2, but of our own."""
    with databases.throwaway(infra.postgres(), find_phase(2)) as url:
        yield url


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Note what the command would have become."""
    noted: list[tuple[list[str], dict[str, str]]] = []

    def execve(_: str, command: list[str], environment: dict[str, str]) -> None:
        noted.append((command, environment))

    monkeypatch.setattr(os, "execve", execve)
    return noted


def ask(url: str, sql: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        psql.invocation(sql),
        env=psql.environment_for(url),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_statement_prints_its_result(url: str) -> None:
    ended = ask(url, "SELECT count(*) AS how_many FROM products")

    assert ended.returncode == 0, ended.stderr
    assert "how_many" in ended.stdout
    assert "(1 row)" in ended.stdout


def test_a_wrong_statement_ends_as_psql_ends_it(url: str) -> None:
    ended = ask(url, "SELECT id FROM baskets")

    assert ended.returncode == 1
    assert 'relation "baskets" does not exist' in ended.stderr


def test_it_opens_the_database_that_the_phase_serves_from(
    monkeypatch: pytest.MonkeyPatch, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    def ensure_database(admin: str, name: str, *_: object) -> str:
        return databases.url_of(admin, name)

    monkeypatch.setattr(infra, "postgres", lambda: "postgresql://ada@db.example:5433/postgres")
    monkeypatch.setattr(databases, "ensure_database", ensure_database)

    psql.psql(find_phase(2))

    [(command, environment)] = became
    told = [environment[name] for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE")]
    assert told == ["db.example", "5433", "ada", "phase2_ecommerce"]
    assert [word.rpartition("/")[2] for word in command] == ["psql"]


def test_the_password_is_nowhere_but_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "another-server")

    environment = psql.environment_for(
        "postgresql://ada:p%40ss%3Aw%2Frd@127.0.0.1:5432/shop?sslmode=require"
    )

    assert (environment["PGPASSWORD"], environment["PGSSLMODE"]) == (SECRET, "require")
    assert "PGSERVICE" not in environment
    assert SECRET not in " ".join(psql.invocation("SELECT 1"))


def test_a_phase_without_a_database_is_refused_in_words() -> None:
    with pytest.raises(CourseError, match=r"phase0_raw_http has no schema\.sql"):
        psql.psql(find_phase(0))
