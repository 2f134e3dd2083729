"""Members of a JSON object put in or taken out of its text, every other character left alone.

Checks spell JSON on purpose, with white space or members in an order that nobody expects; read and
written again it would be another request.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def object_in(content: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None if it is anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def with_member(content: bytes, name: str, value: object) -> bytes:
    """Put a member before all others of an object."""
    before, brace, after = content.decode().partition("{")
    comma = "" if after.lstrip().startswith("}") else ", "
    return f"{before}{brace}{json.dumps(name)}: {json.dumps(value)}{comma}{after}".encode()


def without_member(content: bytes, name: str) -> bytes:
    """Take a member out of an object, and one of the commas around it."""
    text = content.decode()
    members = list(_members(text))
    ends = [text.index("{") + 1, *(end for _, _, end in members)]
    for place, (found, start, end) in enumerate(members):
        if found == name:
            is_last = place == len(members) - 1
            left = text[: ends[place]] if is_last else text[:start]
            right = text[end:] if is_last else text[members[place + 1][1] :]
            return (left + right).encode()
    return content


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """Tell each member's name, where it begins and where its value ends."""
    start = _skip(text, text.index("{") + 1)
    while text[start] != "}":
        name, colon = _DECODER.raw_decode(text, start)
        _, end = _DECODER.raw_decode(text, _skip(text, _skip(text, colon) + 1))
        yield name, start, end
        after = _skip(text, end)
        start = _skip(text, after + 1) if text[after] == "," else after


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place
