"""All data of the service: two dicts in memory and one lock.

Threads run at the same time, and Python may switch from one to the other between any two steps.
"Is this e-mail free? Then insert." must therefore happen under a lock, or two threads both find
it free. Users and posts are immutable: whoever holds one can read it without a lock, and a list
of them cannot change under a reader.
"""

import threading
from dataclasses import dataclass, replace
from itertools import count
from operator import attrgetter
from typing import Generic, TypeVar

from .errors import ServiceError, invalid_payload


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who writes posts."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Post:
    """Something that a user wrote."""

    id: int
    user_id: int
    title: str
    body: str


Item = TypeVar("Item", User, Post)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, and how long the whole list is."""

    items: list[Item]
    limit: int
    offset: int
    total: int


class Store:
    """Users and posts. Ids start at 1 and are never given twice, not even after a deletion."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[int, User] = {}
        self._posts: dict[int, Post] = {}
        self._user_ids = count(1)
        self._post_ids = count(1)
        self._ids_by_email: dict[str, int] = {}

    # --- users ---

    def list_users(
        self,
        *,
        name: str = "",
        email: str | None = None,
        sort: str = "id",
        limit: int = 20,
        offset: int = 0,
    ) -> Page[User]:
        """Return the users whose name contains `name` and whose e-mail is `email`, in any case."""
        with self._lock:
            users = list(self._users.values())
        found = [
            user
            for user in users
            if contains(user.name, name) and (email is None or fold(user.email) == fold(email))
        ]
        return cut_page(found, sort, limit, offset)

    def get_user(self, user_id: int) -> User:
        """Return one user."""
        with self._lock:
            return self._require_user(user_id)

    def create_user(self, *, name: str, email: str) -> User:
        """Add a user with an e-mail that nobody has."""
        with self._lock:
            self._require_free(email)
            user = User(next(self._user_ids), name, email)
            self._put_user(user)
            return user

    def update_user(self, user_id: int, **changes: str) -> User:
        """Change the given fields and leave the others as they are at this moment."""
        with self._lock:
            old = self._require_user(user_id)
            new = replace(old, **changes)
            self._require_free(new.email, for_user=user_id)
            del self._ids_by_email[fold(old.email)]
            self._put_user(new)
            return new

    def delete_user(self, user_id: int) -> None:
        """Remove a user who has no posts."""
        with self._lock:
            user = self._require_user(user_id)
            if any(post.user_id == user_id for post in self._posts.values()):
                raise ServiceError(
                    "user_has_posts", f"User {user_id} still has posts; delete those first."
                )
            del self._users[user_id], self._ids_by_email[fold(user.email)]

    # --- posts ---

    def list_posts(
        self,
        *,
        user_id: int | None = None,
        title: str = "",
        sort: str = "id",
        limit: int = 20,
        offset: int = 0,
    ) -> Page[Post]:
        """Return the posts of `user_id` whose title contains `title`, in any case."""
        with self._lock:
            posts = list(self._posts.values())
        found = [
            post
            for post in posts
            if contains(post.title, title) and (user_id is None or post.user_id == user_id)
        ]
        return cut_page(found, sort, limit, offset)

    def get_post(self, post_id: int) -> Post:
        """Return one post."""
        with self._lock:
            return self._require_post(post_id)

    def create_post(self, *, user_id: int, title: str, body: str) -> Post:
        """Add a post by a user who exists."""
        with self._lock:
            self._require_author(user_id)
            post = Post(next(self._post_ids), user_id, title, body)
            self._posts[post.id] = post
            return post

    def update_post(self, post_id: int, **changes: int | str) -> Post:
        """Change the given fields and leave the others as they are at this moment."""
        with self._lock:
            new = replace(self._require_post(post_id), **changes)
            self._require_author(new.user_id)
            self._posts[post_id] = new
            return new

    def delete_post(self, post_id: int) -> None:
        """Remove a post."""
        with self._lock:
            self._require_post(post_id)
            del self._posts[post_id]

    # --- rules; whoever calls these holds the lock ---

    def _require_user(self, user_id: int) -> User:
        if user_id not in self._users:
            raise ServiceError("user_not_found", f"There is no user {user_id}.")
        return self._users[user_id]

    def _require_post(self, post_id: int) -> Post:
        if post_id not in self._posts:
            raise ServiceError("post_not_found", f"There is no post {post_id}.")
        return self._posts[post_id]

    def _require_author(self, user_id: int) -> None:
        if user_id not in self._users:
            message = f"there is no user {user_id}"
            raise invalid_payload([{"field": "user_id", "message": message}])

    def _require_free(self, email: str, *, for_user: int | None = None) -> None:
        if self._ids_by_email.get(fold(email), for_user) != for_user:
            raise ServiceError("email_taken", "Another user has this e-mail address.")

    def _put_user(self, user: User) -> None:
        self._users[user.id] = user
        self._ids_by_email[fold(user.email)] = user.id


# --- text and pages ---


def fold(text: str) -> str:
    """Return a form of `text` that is equal for texts that differ in case alone."""
    return text.lower()


def contains(text: str, part: str) -> bool:
    """Tell whether `part` occurs in `text`, in any case."""
    return fold(part) in fold(text)


def cut_page(items: list[Item], sort: str, limit: int, offset: int) -> Page[Item]:
    """Sort by a field (`-field`: downwards) with the id deciding ties, then cut out one page.

    Without the id the order of equal items would be left to chance, and an item could show up on
    two pages, or on none.
    """
    ordered = sorted(items, key=attrgetter(sort.removeprefix("-"), "id"), reverse=sort[0] == "-")
    return Page(ordered[offset : offset + limit], limit, offset, len(items))
