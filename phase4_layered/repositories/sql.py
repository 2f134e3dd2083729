"""Writing statements, and reading what they give."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, LiteralString, TypeVar

from psycopg import AsyncCursor
from psycopg.sql import SQL

from ..domain.paging import Item, Page, PageQuery

Row = TypeVar("Row")


@cache
def sql(template: LiteralString, **parts: LiteralString) -> bytes:
    """Fill in parts of a statement; a LiteralString stands in our source, never in a request."""
    return SQL(template).format(**{name: SQL(part) for name, part in parts.items()}).as_bytes()


def array(numbers: Iterable[int]) -> str:
    """Write whole numbers as PostgreSQL reads an array: psycopg, not knowing, looks at each."""
    return "{" + ",".join(map(str, numbers)) + "}"


def containing(text: str | None) -> str | None:
    r"""Make the LIKE pattern for "contains"; in the text %, _ and \ stand for themselves."""
    return text and "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


async def the_row(cursor: AsyncCursor[Row]) -> Row:
    """Fetch the row of a statement that always gives one."""
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("a statement with RETURNING gave no row")
    return row


def page_of(
    rows: Sequence[tuple[Any, ...]], query: PageQuery, item: Callable[..., Item]
) -> Page[Item]:
    """Make a page of rows that hold the total and, unless the page is empty, an item's columns."""
    items = [item(*columns) for _, *columns in rows if columns[0] is not None]
    return Page(items, query.limit, query.offset, total=rows[0][0])
