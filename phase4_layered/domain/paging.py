"""Lists, a part at a time: pages by number, and stretches by where the last one ended."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict

from .fields import ID_MAX, Limit, Offset

Item = TypeVar("Item")


class PageQuery(BaseModel):
    """Which part of a list is wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 20
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, and how long the whole list is."""

    items: list[Item]
    limit: int
    offset: int
    total: int


class Place(NamedTuple):
    """Right behind the row with this time and id; the id parts rows of the same instant."""

    time: datetime
    id: int


START = Place(datetime.max.replace(tzinfo=UTC), ID_MAX)


@dataclass(frozen=True, slots=True)
class Stretch(Generic[Item]):
    """A part of a list that is walked newest first, and where the next one begins, if one does."""

    items: list[Item]
    next: Place | None


def stretch_of(found: list[Item], limit: int, place_of: Callable[[Item], Place]) -> Stretch[Item]:
    """Make a stretch of as many items, when one more was looked for to see if the list goes on."""
    more = len(found) > limit
    return Stretch(found[:limit], place_of(found[limit - 1]) if more else None)
