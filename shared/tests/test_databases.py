"""What the kit makes it finds again, empties and drops; the databases of others it lets be."""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from shared import databases, infra
from shared.databases import DatabaseError, clone, ensure_database, template, url_of
from shared.infra.processes import wait_until
from shared.phases import ROOT, Phase, find_phase
from shared.race import together

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_SCHEMA = "CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);"
_KEEPS_A_CLONE = """
import sys
from shared import databases
with databases.clone(*sys.argv[1:]) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def admin() -> str:
    return infra.postgres()


@pytest.fixture
def phase(tmp_path: Path, admin: str) -> Iterator[Phase]:
    """Make a phase whose schema nobody else has, hence a template of its own."""
    path = tmp_path / "phase1_things"
    path.mkdir()
    made = Phase(1, f"things_{secrets.token_hex(4)}", path)
    (path / "schema.sql").write_text(_SCHEMA, encoding="utf-8")
    yield made
    for name in names_like(admin, f"course_template_{made.package}"):
        execute(admin, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def schema(phase: Phase) -> Path:
    assert phase.schema
    return phase.schema


@pytest.fixture
def name(admin: str) -> Iterator[str]:
    """Invent the name of a database, and drop the database that a test may have made of it."""
    name = f"course_test_{secrets.token_hex(8)}"
    yield name
    execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def execute(url: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def names_like(admin: str, prefix: str) -> list[str]:
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    with psycopg.connect(admin) as connection:
        return [name for (name,) in connection.execute(query, [prefix])]


def oid_of(admin: str, name: str) -> int:
    with psycopg.connect(admin) as connection:
        row = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", [name])
        return row.fetchall()[0][0]


def name_of(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def add_thing(url: str) -> int:
    """Insert a row; returns its id."""
    with psycopg.connect(url) as connection:
        row = connection.execute("INSERT INTO things (name) VALUES ('x') RETURNING id").fetchone()
    assert row
    return row[0]


def things(url: str) -> int:
    with psycopg.connect(url) as connection:
        return len(connection.execute("SELECT id FROM things").fetchall())


@contextmanager
def a_killed_run(admin: str, template: str) -> Generator[str]:
    """Give the URL of a clone whose run gets killed when this is left."""
    command = [sys.executable, "-c", _KEEPS_A_CLONE, admin, template]
    run = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    with run:
        yield run.stdout.readline().strip()
        run.kill()


def is_swept(admin: str, phase: Phase, name: str) -> bool:
    template(admin, phase)
    return not names_like(admin, name)


def nobody_keeps(admin: str, name: str) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(admin) as connection:
        return connection.execute(query, [name]).fetchone() is None


# ---------------------------------------------------------------- the lasting database


def test_a_lasting_database_keeps_its_rows_between_runs(
    admin: str, name: str, schema: Path
) -> None:
    first = ensure_database(admin, name, schema)
    add_thing(first)

    again = ensure_database(admin, name, schema)

    assert again == first
    assert things(again) == 1


def test_a_changed_schema_is_refused_with_the_way_out(admin: str, name: str, schema: Path) -> None:
    url = ensure_database(admin, name, schema)
    add_thing(url)
    schema.write_text(f"{_SCHEMA} -- changed", encoding="utf-8")

    with pytest.raises(DatabaseError, match=r"phase1_things/schema.sql .*make phase1 FRESH=1"):
        ensure_database(admin, name, schema)

    assert things(url) == 1


def test_a_fresh_start_drops_the_rows(admin: str, name: str, schema: Path) -> None:
    add_thing(ensure_database(admin, name, schema))

    fresh = ensure_database(admin, name, schema, fresh=True)

    assert things(fresh) == 0


def test_a_schema_that_fails_leaves_nothing_that_looks_whole(
    admin: str, name: str, schema: Path
) -> None:
    schema.write_text(f"{_SCHEMA} SELECT 1 / 0;", encoding="utf-8")
    with pytest.raises(psycopg.errors.DivisionByZero):
        ensure_database(admin, name, schema)
    schema.write_text(_SCHEMA, encoding="utf-8")

    assert things(ensure_database(admin, name, schema)) == 0


def test_a_run_that_was_killed_before_it_made_its_mark_is_in_nobodys_way(
    admin: str, name: str, schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise ConnectionAbortedError

    def let_be(*_: object) -> None:
        pass

    with monkeypatch.context() as killed:
        killed.setattr(databases, "_mark", die)
        killed.setattr(databases, "_drop", let_be)
        with pytest.raises(ConnectionAbortedError):
            ensure_database(admin, name, schema)
    (left,) = names_like(admin, f"{name}_unfinished")

    url = ensure_database(admin, name, schema)

    assert things(url) == 0
    execute(admin, "DROP DATABASE {}", left)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_database_that_somebody_else_made_is_refused_and_untouched(
    *, fresh: bool, admin: str, name: str, schema: Path
) -> None:
    execute(admin, "CREATE DATABASE {}", name)
    theirs = url_of(admin, name)
    execute(theirs, _SCHEMA)
    add_thing(theirs)

    with pytest.raises(DatabaseError, match=f"database {name} that the course didn't make"):
        ensure_database(admin, name, schema, fresh=fresh)

    assert things(theirs) == 1


# ---------------------------------------------------------------- templates and clones


def test_a_template_is_built_once_however_many_ask(admin: str, phase: Phase) -> None:
    def ask(_: int) -> tuple[str, int]:
        name = template(admin, phase)
        return name, oid_of(admin, name)

    asked = together(6, ask)

    name = template(admin, phase)
    assert asked == [(name, oid_of(admin, name))] * 6


def test_nobody_waits_for_ever_for_another_run_s_database(
    admin: str, name: str, schema: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_LOCK_WITHIN", "50ms")
    with psycopg.connect(admin) as stuck:
        stuck.execute("SELECT pg_advisory_lock(hashtext(%(name)s))", {"name": name})

        with pytest.raises(DatabaseError, match=f"Another run has been making {name}"):
            ensure_database(admin, name, schema)


def test_a_phase_without_a_schema_has_no_template(admin: str) -> None:
    with pytest.raises(DatabaseError, match=r"phase0_raw_http has no schema\.sql"):
        template(admin, find_phase(0))


def test_clones_made_at_once_have_the_schema_and_share_no_row(admin: str, phase: Phase) -> None:
    name = template(admin, phase)

    def use(_: int) -> tuple[int, int]:
        with clone(admin, name) as url:
            return add_thing(url), things(url)

    assert together(3, use) == [(1, 1)] * 3


def test_a_clone_is_gone_when_its_user_fails(admin: str, phase: Phase) -> None:
    urls: list[str] = []

    def fail() -> None:
        with clone(admin, template(admin, phase)) as url:
            urls.append(url)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert names_like(admin, name_of(urls[0])) == []


def test_a_killed_run_s_clone_is_swept_up_and_a_live_one_stays(admin: str, phase: Phase) -> None:
    ours = template(admin, phase)
    with clone(admin, ours) as live:
        with a_killed_run(admin, ours) as url:
            killed = name_of(url)
            template(admin, phase)
            assert names_like(admin, killed) == [killed]
        assert wait_until(lambda: nobody_keeps(admin, killed), 10)

        template(admin, phase)

        assert names_like(admin, killed) == []
        assert add_thing(live) == 1


def test_a_database_that_is_in_use_is_never_swept_up(admin: str, phase: Phase) -> None:
    ours = template(admin, phase)
    with a_killed_run(admin, ours) as url:
        session = psycopg.connect(url, autocommit=True)
    name = name_of(url)
    assert wait_until(lambda: nobody_keeps(admin, name), 10)

    with session:
        template(admin, phase)
        session.execute("INSERT INTO things (name) VALUES ('still here')")

    assert wait_until(lambda: is_swept(admin, phase, name), 10)


def test_what_is_only_named_like_a_clone_is_not_swept_up(admin: str, phase: Phase) -> None:
    theirs = f"course_clone_{secrets.token_hex(4)}"
    execute(admin, "CREATE DATABASE {}", theirs)
    try:
        template(admin, phase)

        assert names_like(admin, theirs) == [theirs]
    finally:
        execute(admin, "DROP DATABASE {}", theirs)


# ---------------------------------------------------------------- emptying


def test_an_emptied_database_counts_from_1_again(admin: str, phase: Phase) -> None:
    with clone(admin, template(admin, phase)) as url:
        add_thing(url)
        add_thing(url)

        databases.empty(url)

        assert things(url) == 0
        assert add_thing(url) == 1


def test_a_database_without_the_mark_is_not_emptied(admin: str, name: str) -> None:
    execute(admin, "CREATE DATABASE {}", name)
    theirs = url_of(admin, name)
    execute(theirs, _SCHEMA)
    add_thing(theirs)

    with pytest.raises(DatabaseError, match=f"{name} wasn't made by the course"):
        databases.empty(theirs)

    assert things(theirs) == 1


# ---------------------------------------------------------------- somebody else's server


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
