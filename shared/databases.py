"""Databases of the kit's own making: one that lasts for a phase, templates and clones for tests.

Every database made here carries a mark, and nothing here touches one without it: whatever else
lives on a server that somebody lends us is none of our business.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, LiteralString, cast
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from shared.phases import Phase

_MARK = "backend-curriculum"
_CONNECT_WITHIN = 10
_LOCK_WITHIN = "60s"
_BUILTIN_LOCALES_SINCE = 170000
_CLONES = "course_clone_"


class DatabaseError(Exception):
    """A database can't be had or must not be touched; the message says why, and the way out."""


def ensure_database(admin_url: str, name: str, schema: Path, *, fresh: bool = False) -> str:
    """Return the URL of the lasting database `name`, made from `schema` at its first use.

    Its rows survive from run to run. A schema that was edited since is refused, because nothing
    here can guess what should become of the rows; `fresh` drops them and begins again.
    """
    with closing(_connect(admin_url)) as admin, _one_at_a_time(admin, name):
        mark = _mark_of(admin, name)
        if fresh and mark is not None:
            _drop(admin, name)
            mark = None
        if mark is None:
            _build(admin, admin_url, name, schema)
        elif mark.get("schema") != _digest(schema):
            target = schema.parent.name.partition("_")[0]
            raise DatabaseError(
                f"{schema.parent.name}/{schema.name} was changed after database {name} was made "
                f"from it. Begin with an empty one: make {target} FRESH=1"
            )
    return url_of(admin_url, name)


def template(admin_url: str, phase: Phase) -> str:
    """Return the name of the phase's template: a database with the schema and without rows.

    Built once for each text of the schema; sweeps up the clones that killed runs left behind.
    """
    if phase.schema is None:
        raise DatabaseError(f"{phase.package} has no schema.sql, hence no database.")
    name = f"course_template_{phase.package}_{_digest(phase.schema)}"
    with closing(_connect(admin_url)) as admin, _one_at_a_time(admin, name):
        _sweep(admin)
        if _mark_of(admin, name) is None:
            _build(admin, admin_url, name, phase.schema)
    return name


@contextmanager
def clone(admin_url: str, template: str) -> Generator[str]:
    """Give the URL of a copy of `template` that is dropped at the end.

    While it is in use, a connection named like it stays open on the server: that is how a sweep
    tells it from the leftovers of a run that was killed.
    """
    name = f"{_CLONES}{secrets.token_hex(8)}"
    with closing(_connect(admin_url, name)) as keeper:
        # Whoever lends us the server may end idle sessions; this one idles for a purpose.
        keeper.execute("SET idle_session_timeout = 0")
        _execute(keeper, "CREATE DATABASE {} TEMPLATE {}", name, template)
        _mark(keeper, name, {"kind": "clone"})
        try:
            yield url_of(admin_url, name)
        finally:
            _drop(keeper, name)


@contextmanager
def throwaway(admin_url: str, phase: Phase) -> Generator[str]:
    """Give the URL of a database with the phase's schema and no rows, gone at the end."""
    with clone(admin_url, template(admin_url, phase)) as url:
        yield url


def empty(url: str) -> None:
    """Delete every row of a database that the kit made, and let its ids begin again at 1."""
    with closing(_connect(url)) as connection:
        name = connection.info.dbname
        if _mark_of(connection, name) is None:
            raise DatabaseError(f"{name} wasn't made by the course, so it isn't emptied.")
        rows = connection.execute(
            """
            SELECT schemaname, tablename
              FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
            """
        ).fetchall()
        tables = sql.SQL(", ").join(sql.Identifier(*row) for row in rows)
        if rows:
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))


def url_of(admin_url: str, name: str) -> str:
    """Return the URL of another database on the same server.

    Escaped, because a password with an @ in it would name another host; and with all other
    parameters, because without its sslmode a connection might go unencrypted.
    """
    given = {name: quote(str(text), safe="") for name, text in conninfo_to_dict(admin_url).items()}
    given.pop("dbname", None)
    user, password = given.pop("user", "postgres"), given.pop("password", "")
    host, port = given.pop("host", "127.0.0.1"), given.pop("port", "5432")
    who = f"{user}:{password}" if password else user
    where = f"[{host.replace('%3A', ':')}]" if "%3A" in host else host
    rest = "&".join(f"{key}={value}" for key, value in given.items())
    return f"postgresql://{who}@{where}:{port}/{quote(name, safe='')}" + (rest and f"?{rest}")


def _connect(url: str, name: str = "course") -> psycopg.Connection:
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=_CONNECT_WITHIN,
        application_name=name,
    )


@contextmanager
def _one_at_a_time(admin: psycopg.Connection, name: str) -> Generator[None]:
    """Let only one session make `name`; the lock ends with its connection at the latest."""
    admin.execute("SELECT set_config('lock_timeout', %(most)s, FALSE)", {"most": _LOCK_WITHIN})
    try:
        admin.execute("SELECT pg_advisory_lock(hashtext(%(name)s))", {"name": name})
    except psycopg.errors.LockNotAvailable:
        raise DatabaseError(
            f"Another run has been making {name} for {_LOCK_WITHIN}. End it, or: make down"
        ) from None
    yield
    admin.execute("SELECT pg_advisory_unlock(hashtext(%(name)s))", {"name": name})


def _build(admin: psycopg.Connection, admin_url: str, name: str, schema: Path) -> None:
    """Make the database under another name and rename it: half a one is never found."""
    if _exists(admin, name) and _mark_of(admin, name) is None:
        raise DatabaseError(
            f"There is a database {name} that the course didn't make. Rename or drop it."
        )
    # A name of its own for each attempt: one that was killed before its mark was made is in
    # nobody's way, and nobody can say of an unmarked database whose it is.
    unfinished = f"{name[:40]}_unfinished_{secrets.token_hex(4)}"
    try:
        _execute(admin, _creation(admin), unfinished)
        _mark(admin, unfinished, {"kind": "unfinished", "schema": _digest(schema)})
        with closing(_connect(url_of(admin_url, unfinished))) as connection:
            # The text of schema.sql is ours; psycopg insists on literals to keep input out of SQL.
            connection.execute(schema.read_bytes())
        _execute(admin, "ALTER DATABASE {} RENAME TO {}", unfinished, name)
    except BaseException:
        with suppress(psycopg.Error):
            _drop(admin, unfinished)
        raise


def _creation(admin: psycopg.Connection) -> LiteralString:
    """Choose an order of text that is the same on every platform."""
    if admin.info.server_version >= _BUILTIN_LOCALES_SINCE:
        return (
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
        )
    return "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'"


def _sweep(admin: psycopg.Connection) -> None:
    """Drop the clones whose run is gone: nobody keeps them and nobody is connected to them."""
    leftovers = admin.execute(
        """
        SELECT clone.datname
          FROM pg_database AS clone
         WHERE starts_with(clone.datname, %(prefix)s)
           AND pg_has_role(clone.datdba, 'USAGE')
           AND NOT EXISTS (
                   SELECT FROM pg_stat_activity AS session
                    WHERE session.application_name = clone.datname
                       OR session.datname = clone.datname
               )
        """,
        {"prefix": _CLONES},
    ).fetchall()
    for (name,) in leftovers:
        if _mark_of(admin, name) is not None:
            # Without force: should somebody be connected after all, the database stays as it is.
            with suppress(psycopg.errors.ObjectInUse):
                _execute(admin, "DROP DATABASE IF EXISTS {}", name)


def _drop(admin: psycopg.Connection, name: str) -> None:
    _execute(admin, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _mark(admin: psycopg.Connection, name: str, about: dict[str, str]) -> None:
    text = json.dumps({"made by": _MARK, **about})
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    admin.execute(statement.format(sql.Identifier(name), sql.Literal(text)))


def _mark_of(connection: psycopg.Connection, name: str) -> dict[str, str] | None:
    row = connection.execute(
        """
        SELECT shobj_description(oid, 'pg_database')
          FROM pg_database
         WHERE datname = %(name)s
        """,
        {"name": name},
    ).fetchone()
    try:
        mark = cast("dict[str, str]", json.loads(row[0])) if row and row[0] else {}
    except ValueError:
        return None
    return mark if mark.get("made by") == _MARK else None


def _exists(admin: psycopg.Connection, name: str) -> bool:
    query = "SELECT FROM pg_database WHERE datname = %(name)s"
    return admin.execute(query, {"name": name}).fetchone() is not None


def _execute(connection: psycopg.Connection, statement: LiteralString, *names: str) -> None:
    connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _digest(schema: Path) -> str:
    return hashlib.sha256(schema.read_bytes()).hexdigest()[:12]
