"""Pages of what was found, in the order that was asked for."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from phase4_layered.domain.paging import Item, Page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from phase4_layered.domain.paging import PageQuery


def page_of(found: Iterable[Item], query: PageQuery, sort: str) -> Page[Item]:
    """Cut one page out of all that was found; the id parts equals, as it does in every query.

    Python compares text by code point, and so does C.UTF-8.
    """
    key = attrgetter(sort.removeprefix("-"), "id")
    items = sorted(found, key=key, reverse=sort.startswith("-"))
    part = items[query.offset : query.offset + query.limit]
    return Page(part, query.limit, query.offset, total=len(items))
