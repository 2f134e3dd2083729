"""A process that fails after so many replies of its database: by an exception, or killed.

`python -m phase2_ecommerce.labs._fragile WAY REPLIES` is one that gets itself killed.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from ._order import Order, by_hand, with_transaction, without

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from ._order import Way

WAYS: dict[str, Way] = {
    "each statement by itself": without,
    "BEGIN … COMMIT by hand": by_hand,
    "with conn.transaction()": with_transaction,
}
ORDER = Order("a-key-of-the-client", 1, {1: 2, 2: 1})


class Mishap(Exception):
    """Something went wrong between two statements, as something does one day."""


class Fragile:
    """Passes statements on, and fails when it has got so many replies."""

    def __init__(
        self, conn: psycopg.Connection[Any], replies: int, fail: Callable[[], None]
    ) -> None:
        self._conn = conn
        self._left = replies
        self._fail = fail
        self.said: list[str] = []

    def execute(
        self, query: LiteralString, params: Mapping[str, Any] | None = None
    ) -> psycopg.Cursor[Any]:
        """Send a statement; when its reply is there, it may be the last thing that is."""
        cursor = self._conn.execute(query, params)
        self.said.append(name_of(query))
        self._left -= 1
        if self._left == 0:
            self._fail()
        return cursor

    def transaction(self) -> AbstractContextManager[object]:
        """Begin one as psycopg does."""
        return self._conn.transaction()


def name_of(query: str) -> str:
    """Shorten a statement to what it does to which table."""
    found = re.match(r"\s*(BEGIN|COMMIT|ROLLBACK|INSERT INTO \w+|UPDATE \w+|SELECT)", query)
    verb = found[1] if found else query
    table = re.search(r"FROM (\w+)", query)
    ending = " FOR NO KEY UPDATE" if "FOR NO KEY UPDATE" in query else ""
    return f"SELECT FROM {table[1]}{ending}" if verb == "SELECT" and table else verb


def raise_mishap() -> None:
    """Fail as programs do: with an exception that runs up through all `with` and `except`."""
    raise Mishap


def die() -> None:
    """Fail as machines do: no `except`, no `finally`, no good-bye."""
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Place the order in the given way, and die after the given number of replies."""
    way, replies = WAYS[sys.argv[1]], int(sys.argv[2])
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as conn:
        way(Fragile(conn, replies, die), ORDER)


if __name__ == "__main__":
    main()
