"""What the server wrote to its log about a session, where the log is a file that we may read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterable


class ServerLog:
    """The log from now on, read through the server, which knows where its log is."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._path: str | None = None
        self._start = 0
        # A container writes to its standard error, and a lent server keeps its log to itself.
        with suppress(psycopg.Error):
            self._path, self._start = self._find()

    def about(self, pid: int) -> str | None:
        """Return what was logged of a session since; None if the log can't be read from here."""
        if self._path is None:
            return None
        row = self._conn.execute(
            "SELECT pg_read_file(%(path)s, %(start)s, 1000000)",
            {"path": self._path, "start": self._start},
        ).fetchone()
        return "\n".join(entries_of(pid, row[0].splitlines() if row else []))

    def _find(self) -> tuple[str, int]:
        """Find it where the collector says; or beside the data, as the kit's own server has it."""
        row = self._conn.execute(
            """
            SELECT log.path, (pg_stat_file(log.path)).size
              FROM (SELECT coalesce(pg_current_logfile(),
                                    current_setting('data_directory') || '/../log')) AS log (path)
            """
        ).fetchone()
        return row or ("", 0)


def entries_of(pid: int, lines: Iterable[str]) -> list[str]:
    """Pick a session's entries, each with the lines that continue it (they begin with a tab)."""
    picked: list[str] = []
    ours = False
    for line in lines:
        ours = (ours and line.startswith("\t")) or f"[{pid}]" in line
        if ours:
            picked.append(line)
    return picked
