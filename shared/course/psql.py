"""`course psql`: a look into the database that a phase serves from, with PostgreSQL's own client.

Where the database is goes by PG* variables: any user of the machine can read a command line, and a
password has no place there.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from shared.course.errors import CourseError

if TYPE_CHECKING:
    from shared.phases import Phase


def psql(phase: Phase, sql: str | None = None) -> None:
    """Become psql, so that Ctrl-C and the exit code are its own; with `sql` it runs that alone."""
    if phase.schema is None:
        raise CourseError(f"{phase.package} has no schema.sql, hence no database to look into.")
    from shared import databases, infra  # noqa: PLC0415 - a refusal doesn't need them

    url = databases.ensure_database(infra.postgres(), phase.package, phase.schema)
    command = invocation(sql)
    sys.stdout.flush()
    os.execve(command[0], command, environment_for(url))  # noqa: S606 - no shell wanted


def invocation(sql: str | None) -> list[str]:
    """Return the command; psql comes with the embedded PostgreSQL, whichever server it asks."""
    from shared.infra.embedded_postgres import installed_binaries  # noqa: PLC0415 - as above

    program = str(installed_binaries() / "bin" / "psql")
    return [program] if sql is None else [program, "--command", sql]


def environment_for(url: str) -> dict[str, str]:
    """Return our environment with each part of the URL under the name by which libpq knows it."""
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415 - as above
    from psycopg.pq import Conninfo  # noqa: PLC0415

    variables = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    given = {
        variables[name]: str(value)
        for name, value in conninfo_to_dict(url).items()
        if name in variables
    }
    inherited = {name: value for name, value in os.environ.items() if name != "PGSERVICE"}
    return inherited | given  # a service file would be asked before the variables
