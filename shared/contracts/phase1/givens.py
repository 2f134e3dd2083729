"""What a check needs before it starts: fresh rows made over HTTP, and ids that nobody has."""

from __future__ import annotations

import re
from typing import Any

from shared.contracts.kit import Answer, Api, Mismatch, expect, unique

Fields = dict[str, Any]

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
ID_LIKE = ("0", "-1", "abc", "1.0", "1e3", "9223372036854775807", "9223372036854775808", "9" * 40)
"""Path segments that no row has for an id."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def user_fields(**changes: object) -> Fields:
    """Make a valid body for a user that nobody has yet."""
    return {"name": "Ada Lovelace", "email": f"{unique('ada')}@example.org"} | changes


def new_user(api: Api, **changes: object) -> Fields:
    """Create a user and return it as the server sees it."""
    return _created(api, "/users", user_fields(**changes))


def post_fields(user_id: int, **changes: object) -> Fields:
    """Make a valid body for a post by that user."""
    return {"user_id": user_id, "title": "Notes", "body": "On the engine."} | changes


def new_post(api: Api, user_id: int, **changes: object) -> Fields:
    """Create a post and return it as the server sees it."""
    return _created(api, "/posts", post_fields(user_id, **changes))


def new_comment(api: Api, post_id: int, user_id: int, body: str = "Well said.") -> Fields:
    """Create a comment and return it as the server sees it."""
    return _created(api, f"/posts/{post_id}/comments", {"user_id": user_id, "body": body})


def unknown_id(api: Api, collection: str) -> int:
    """Find an id that was handed out once and is gone, so that nothing may answer to it."""
    user = new_user(api)
    row = user if collection == "users" else new_post(api, user["id"])
    if collection == "comments":
        row = new_comment(api, row["id"], user["id"])
    expect(api.delete(f"/{collection}/{row['id']}"), 204)
    return row["id"]


def other_spellings(row_id: int) -> list[str]:
    """Write an id in forms that some languages read as the same number; none is its path."""
    arabic = "".join(chr(0x0660 + int(digit)) for digit in str(row_id))
    return [f"+{row_id}", f"%20{row_id}", f"{row_id}%20", f"{row_id}.0", f"0_{row_id}", arabic]


def allowed(answer: Answer) -> set[str]:
    """Read the methods that an answer's Allow header lists."""
    return {method.strip() for method in answer.headers.get("Allow", "").split(",")}


def ids(answer: Answer) -> list[int]:
    """Read the ids of a list's items, in their order."""
    return [item["id"] for item in answer.json()["items"]]


def expect_members(row: Fields, *names: str) -> None:
    """Expect exactly these members."""
    if set(row) != set(names):
        raise Mismatch(f"members: expected {sorted(names)}, got {sorted(row)}")


def expect_time(text: object) -> None:
    """Expect RFC 3339 in UTC with Z, and a fraction unless it is zero."""
    if not (isinstance(text, str) and _TIME.fullmatch(text)):
        raise Mismatch(f"time: expected the form 2026-01-31T09:30:00.000000Z, got {text!r}")


def _created(api: Api, path: str, fields: Fields) -> Fields:
    return expect(api.post(path, json=fields), 201).json()
