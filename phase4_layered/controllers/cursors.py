"""Places in a list that is walked newest first, as opaque words that a client hands back."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any
from zlib import crc32

from pydantic import Field

from ..domain.errors import invalid_query
from ..domain.fields import ID_MAX
from ..domain.paging import START, Place, Stretch

Cursor = Annotated[str, Field(min_length=1, max_length=100)]


def start_of(cursor: str | None) -> Place:
    """Tell where a list goes on, or begins."""
    return START if cursor is None else place_of(cursor)


def cursor_behind(stretch: Stretch[Any]) -> str | None:
    """Tell where the list goes on behind a stretch, if it does."""
    return stretch.next and cursor_of(stretch.next)


def cursor_of(place: Place) -> str:
    """Write a place as an opaque word, so that no client builds one and what is in it can change.

    The checksum catches a cursor cut short or mistyped. It is no signature: whoever forges a
    cursor may see only what they may see without one.
    """
    text = f"{place.time.isoformat()}/{place.id}".encode()
    return base64.urlsafe_b64encode(text + crc32(text).to_bytes(4, "big")).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Read a cursor back; 400 unless it is, to the letter, one that `cursor_of` writes."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        time, _, number = base64.urlsafe_b64decode(padded)[:-4].decode().partition("/")
        place = Place(datetime.fromisoformat(time), int(number))
    except (ValueError, binascii.Error):
        place = None
    if place is None or not is_possible(place) or cursor_of(place) != cursor:
        raise invalid_query([{"field": "cursor", "message": "This is not a cursor from here."}])
    return place


def is_possible(place: Place) -> bool:
    """Tell whether PostgreSQL could know such a place: a time with its zone, and a bigint."""
    return place.time.tzinfo is not None and 0 < place.id <= ID_MAX
