"""What a check needs to exist before it starts: fresh users and posts, made over HTTP."""

from __future__ import annotations

from typing import Any

from shared.contracts.kit import Answer, Api, expect, unique

Fields = dict[str, Any]

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
NOT_IDS = ("0", "-1", "abc", "1.0", "9223372036854775808", "9" * 40)
"""Path segments that no row can have for an id."""


def user_fields(**changes: object) -> Fields:
    """Make a valid body for a user that nobody has yet."""
    return {"name": "Ada Lovelace", "email": f"{unique('ada')}@example.org"} | changes


def new_user(api: Api, **changes: object) -> Fields:
    """Create a user and return it as the server sees it."""
    return expect(api.post("/users", json=user_fields(**changes)), 201).json()


def post_fields(user_id: int, **changes: object) -> Fields:
    """Make a valid body for a post by that user."""
    return {"user_id": user_id, "title": "Notes", "body": "On the engine."} | changes


def new_post(api: Api, user_id: int, **changes: object) -> Fields:
    """Create a post and return it as the server sees it."""
    return expect(api.post("/posts", json=post_fields(user_id, **changes)), 201).json()


def without(fields: Fields, *names: str) -> Fields:
    """Copy the fields, leaving some out."""
    return {name: value for name, value in fields.items() if name not in names}


def allowed(answer: Answer) -> set[str]:
    """Read the methods that an answer's Allow header lists."""
    return {method.strip() for method in answer.headers.get("Allow", "").split(",")}


def unknown_id(api: Api, collection: str) -> int:
    """Find an id that was handed out once and is gone, so that nothing can answer to it."""
    user = new_user(api)
    row = user if collection == "users" else new_post(api, user["id"])
    expect(api.delete(f"/{collection}/{row['id']}"), 204)
    return row["id"]
