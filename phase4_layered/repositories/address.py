"""The address of a database, as settings name it."""

import re

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def postgres_address(value: str) -> str:
    """Let libpq judge the address, now and not at the first request.

    An @ in a password that is not written %40 makes the rest of it a part of the host: libpq would
    look that up, and tell the log that it found nothing. Nor does libpq look at the port yet (or
    ports: an address may name several hosts).
    """
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        parts = {}  # libpq's own message repeats the address, password and all
    port = str(parts.get("port", 5432))
    if not parts or "@" in str(parts.get("host", "")) or not re.fullmatch("[0-9,]*", port):
        raise ValueError("must look like postgresql://user:password@host:5432/name (@ as %40)")
    return value
