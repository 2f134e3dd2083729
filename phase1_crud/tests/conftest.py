"""What the inside tests share: people, posts and comments."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


def new_user(http: httpx.Client, name: str = "Ada") -> int:
    """Create a user; returns the id."""
    email = f"{name}.{time.monotonic_ns()}@example.com"
    return _created(http.post("/users", json={"name": name, "email": email}))


def new_post(http: httpx.Client, user_id: int, title: str = "Notes") -> int:
    """Create a post; returns the id."""
    return _created(http.post("/posts", json={"user_id": user_id, "title": title, "body": "…"}))


def new_comment(http: httpx.Client, post_id: int, user_id: int) -> int:
    """Create a comment; returns the id."""
    fields = {"user_id": user_id, "body": "Yes."}
    return _created(http.post(f"/posts/{post_id}/comments", json=fields))


def _created(answer: httpx.Response) -> int:
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]
