"""Users: their routes, and the SQL the routes run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, LiteralString

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import TypeAdapter

from .database import array, connection, containing, page_of, sql, the_row
from .errors import BODY, not_found, problems
from .responses import created, no_content, ok
from .schemas import Email, Id, Instant, NewUser, Page, PageQuery, Search, UserChanges
from .sharing import Batch
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["users"])


@dataclass(frozen=True, slots=True)
class User:
    """A person, as the service knows them."""

    id: int
    name: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user, and what became of them here."""

    id: int
    name: str
    email: str
    created_at: datetime
    posts: int
    comments: int
    comments_received: int
    last_post_at: datetime | None


class UserQuery(PageQuery):
    """Which users, in which order."""

    name: Search | None = None
    email: Email | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: Literal["id", "-id", "name", "-name", "email", "-email", "created_at", "-created_at"] = (
        "id"
    )


user_json = TypeAdapter(User).dump_json
summary_json = TypeAdapter(UserSummary).dump_json
users_json = TypeAdapter(Page[User]).dump_json

# ---------------------------------------------------------------- routes


@router.get("/users/{user_id}", response_model=User, responses=problems(404))
async def read_user(request: Request, user_id: Id) -> Response:
    """Show one user."""
    user = await users_by_id.get(request, user_id)
    if user is None:
        raise not_found("user", user_id)
    return ok(user_json(user))


@router.get("/users", response_model=Page[User], responses=problems(400))
async def list_users(request: Request, query: Annotated[UserQuery, Query()]) -> Response:
    """List users, a page at a time."""
    async with connection(request) as conn:
        page = await select_users(conn, query)
    return ok(users_json(page))


@router.post("/users", status_code=201, response_model=User, responses=problems(409, *BODY))
async def create_user(request: Request, new: NewUser) -> Response:
    """Create a user."""
    async with connection(request) as conn:
        user = await insert_user(conn, new)
    return created(f"/users/{user.id}", user_json(user))


@router.put("/users/{user_id}", response_model=User, responses=problems(404, 409, *BODY))
async def replace_user(request: Request, user_id: Id, new: NewUser) -> Response:
    """Replace every field of a user."""
    return await write_user(request, user_id, {"name": new.name, "email": new.email})


@router.patch("/users/{user_id}", response_model=User, responses=problems(404, 409, *BODY))
async def change_user(request: Request, user_id: Id, changes: UserChanges) -> Response:
    """Change some fields of a user and leave the others."""
    return await write_user(request, user_id, changes)


async def write_user(request: Request, user_id: int, changes: UserChanges) -> Response:
    """Answer PUT and PATCH: replacing is changing every field."""
    async with connection(request) as conn:
        user = await update_user(conn, user_id, changes)
    if user is None:
        raise not_found("user", user_id)
    return ok(user_json(user))


@router.delete("/users/{user_id}", status_code=204, responses=problems(404, 409))
async def remove_user(request: Request, user_id: Id) -> Response:
    """Delete a user who has written nothing."""
    async with connection(request) as conn:
        found = await delete_user(conn, user_id)
    if not found:
        raise not_found("user", user_id)
    return no_content()


@router.get("/users/{user_id}/summary", response_model=UserSummary, responses=problems(404))
async def read_summary(request: Request, user_id: Id) -> Response:
    """Show a user with what they have written and received."""
    async with connection(request) as conn:
        summary = await select_summary(conn, user_id)
    if summary is None:
        raise not_found("user", user_id)
    return ok(summary_json(summary))


# ---------------------------------------------------------------- SQL


async def select_users_by_id(conn: AsyncConnection, ids: Sequence[int]) -> dict[int, User | None]:
    """Find users by their ids; an id without a user has None."""
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        SELECT id, name, email, created_at
          FROM users
         WHERE id = ANY(%(ids)s::bigint[])
        """,
        {"ids": array(ids)},
    )
    return dict.fromkeys(ids) | {user.id: user for user in await cursor.fetchall()}


users_by_id = Batch(select_users_by_id)


# A column name cannot be a parameter, so what a client may sort by is looked up here and never
# pasted in. The id ends every order: without it, equal names may swap places between two pages.
USER_ORDERS: dict[str, LiteralString] = {
    "id": "listed.id",
    "-id": "listed.id DESC",
    "name": "listed.name, listed.id",
    "-name": "listed.name DESC, listed.id DESC",
    "email": "listed.email, listed.id",
    "-email": "listed.email DESC, listed.id DESC",
    "created_at": "listed.created_at, listed.id",
    "-created_at": "listed.created_at DESC, listed.id DESC",
}


def users_matching(query: UserQuery) -> LiteralString:
    """Write the condition with what was asked for, and nothing for what was not."""
    where: LiteralString = "TRUE"
    if query.name is not None:
        where += " AND listed.name ILIKE %(name)s"
    if query.email is not None:
        where += " AND lower(listed.email) = lower(%(email)s)"
    if query.created_from is not None:
        where += " AND listed.created_at >= %(created_from)s"
    if query.created_before is not None:
        where += " AND listed.created_at < %(created_before)s"
    return where


async def select_users(conn: AsyncConnection, query: UserQuery) -> Page[User]:
    """Return one page of the users that match, and how many match in all.

    The LEFT JOIN keeps the count when the page is past the end: one row comes back all the same.
    """
    statement = sql(
        """
        SELECT counted.total,
               listed.id, listed.name, listed.email, listed.created_at
          FROM (SELECT count(*) AS total
                  FROM users AS listed
                 WHERE {where}) AS counted
          LEFT JOIN (SELECT listed.id, listed.name, listed.email, listed.created_at
                       FROM users AS listed
                      WHERE {where}
                      ORDER BY {order}
                      LIMIT %(limit)s OFFSET %(offset)s) AS listed ON TRUE
         ORDER BY {order}
        """,
        where=users_matching(query),
        order=USER_ORDERS[query.sort],
    )
    parameters = {**query.model_dump(), "name": containing(query.name)}
    cursor = await conn.execute(statement, parameters)
    return page_of(await cursor.fetchall(), query, User)


async def insert_user(conn: AsyncConnection, new: NewUser) -> User:
    """Add a user; an e-mail that is taken raises the violation of `users_email_key`."""
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        INSERT INTO users (name, email)
        VALUES (%(name)s, %(email)s)
        RETURNING id, name, email, created_at
        """,
        {"name": new.name, "email": new.email},
    )
    return await the_row(cursor)


async def update_user(conn: AsyncConnection, user_id: int, changes: UserChanges) -> User | None:
    """Write the given fields over the row as it is at that moment.

    Reading the row first and writing it back whole would undo a change made in between.
    """
    cursor = await conn.cursor(row_factory=class_row(User)).execute(
        """
        UPDATE users
           SET name = COALESCE(%(name)s, name),
               email = COALESCE(%(email)s, email)
         WHERE id = %(id)s
        RETURNING id, name, email, created_at
        """,
        {"name": None, "email": None, **changes, "id": user_id},
    )
    return await cursor.fetchone()


async def delete_user(conn: AsyncConnection, user_id: int) -> bool:
    """Delete the user and tell whether there was one; their posts or comments forbid it."""
    cursor = await conn.execute("DELETE FROM users WHERE id = %(id)s", {"id": user_id})
    return cursor.rowcount == 1


async def select_summary(conn: AsyncConnection, user_id: int) -> UserSummary | None:
    """Return a user with their aggregates.

    Each count has a subquery of its own. Joining posts and comments in one FROM would pair every
    post with every comment, and count each of them many times over.
    """
    cursor = await conn.cursor(row_factory=class_row(UserSummary)).execute(
        """
        SELECT users.id, users.name, users.email, users.created_at,
               written.posts, said.comments, heard.comments_received, written.last_post_at
          FROM users
         CROSS JOIN LATERAL (SELECT count(*) AS posts, max(created_at) AS last_post_at
                               FROM posts
                              WHERE posts.user_id = users.id) AS written
         CROSS JOIN LATERAL (SELECT count(*) AS comments
                               FROM comments
                              WHERE comments.user_id = users.id) AS said
         CROSS JOIN LATERAL (SELECT count(*) AS comments_received
                               FROM posts
                               JOIN comments ON comments.post_id = posts.id
                              WHERE posts.user_id = users.id) AS heard
         WHERE users.id = %(id)s
        """,
        {"id": user_id},
    )
    return await cursor.fetchone()
