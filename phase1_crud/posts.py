"""Posts: their routes, and the SQL the routes run. The feed has a module of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, LiteralString

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import TypeAdapter

from .database import connection, containing, page_of, planned_for, sql, the_row
from .errors import BODY, not_found, problems
from .responses import created, no_content, ok
from .schemas import Id, Instant, NewPost, Page, PageQuery, PostChanges, Search, UserId
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["posts"])


@dataclass(frozen=True, slots=True)
class Post:
    """Something that somebody has written."""

    id: int
    user_id: int
    title: str
    body: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Author:
    """As much of a user as stands beside their post or comment."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class ListedPost:
    """A post as a list shows it: with its author and the number of its comments."""

    id: int
    user_id: int
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    author: Author
    comment_count: int


class PostQuery(PageQuery):
    """Which posts, in which order."""

    user_id: UserId | None = None
    q: Search | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: Literal["id", "-id", "created_at", "-created_at", "title", "-title"] = "id"


post_json = TypeAdapter(Post).dump_json
posts_json = TypeAdapter(Page[ListedPost]).dump_json

# ---------------------------------------------------------------- routes


@router.get("/posts/{post_id}", response_model=Post, responses=problems(404))
async def read_post(request: Request, post_id: Id) -> Response:
    """Show one post."""
    async with connection(request) as conn:
        post = await select_post(conn, post_id)
    if post is None:
        raise not_found("post", post_id)
    return ok(post_json(post))


@router.get("/posts", response_model=Page[ListedPost], responses=problems(400))
async def list_posts(request: Request, query: Annotated[PostQuery, Query()]) -> Response:
    """List posts with author and number of comments, a page at a time."""
    async with connection(request) as conn:
        page = await select_posts(conn, query)
    return ok(posts_json(page))


@router.post("/posts", status_code=201, response_model=Post, responses=problems(*BODY))
async def create_post(request: Request, new: NewPost) -> Response:
    """Create a post."""
    async with connection(request) as conn:
        post = await insert_post(conn, new)
    return created(f"/posts/{post.id}", post_json(post))


@router.put("/posts/{post_id}", response_model=Post, responses=problems(404, *BODY))
async def replace_post(request: Request, post_id: Id, new: NewPost) -> Response:
    """Replace every field of a post."""
    everything: PostChanges = {"user_id": new.user_id, "title": new.title, "body": new.body}
    return await write_post(request, post_id, everything)


@router.patch("/posts/{post_id}", response_model=Post, responses=problems(404, *BODY))
async def change_post(request: Request, post_id: Id, changes: PostChanges) -> Response:
    """Change some fields of a post and leave the others."""
    return await write_post(request, post_id, changes)


async def write_post(request: Request, post_id: int, changes: PostChanges) -> Response:
    """Answer PUT and PATCH: replacing is changing every field."""
    async with connection(request) as conn:
        post = await update_post(conn, post_id, changes)
    if post is None:
        raise not_found("post", post_id)
    return ok(post_json(post))


@router.delete("/posts/{post_id}", status_code=204, responses=problems(404))
async def remove_post(request: Request, post_id: Id) -> Response:
    """Delete a post and the comments on it."""
    async with connection(request) as conn:
        found = await delete_post(conn, post_id)
    if not found:
        raise not_found("post", post_id)
    return no_content()


# ---------------------------------------------------------------- SQL


async def select_post(conn: AsyncConnection, post_id: int) -> Post | None:
    """Find one post by id."""
    cursor = await conn.cursor(row_factory=class_row(Post)).execute(
        """
        SELECT id, user_id, title, body, created_at, updated_at
          FROM posts
         WHERE id = %(id)s
        """,
        {"id": post_id},
    )
    return await cursor.fetchone()


# As in users.py: looked up, never pasted in, and the id ends every order.
POST_ORDERS: dict[str, LiteralString] = {
    "id": "listed.id",
    "-id": "listed.id DESC",
    "created_at": "listed.created_at, listed.id",
    "-created_at": "listed.created_at DESC, listed.id DESC",
    "title": "listed.title, listed.id",
    "-title": "listed.title DESC, listed.id DESC",
}


def posts_matching(query: PostQuery) -> LiteralString:
    """Write the condition with what was asked for, and nothing for what was not."""
    where: LiteralString = "TRUE"
    if query.user_id is not None:
        where += " AND listed.user_id = %(user_id)s"
    if query.q is not None:
        where += " AND (listed.title ILIKE %(q)s OR listed.body ILIKE %(q)s)"
    if query.created_from is not None:
        where += " AND listed.created_at >= %(created_from)s"
    if query.created_before is not None:
        where += " AND listed.created_at < %(created_before)s"
    return where


async def select_posts(conn: AsyncConnection, query: PostQuery) -> Page[ListedPost]:
    """Return one page of the posts that match, with author and comments, and how many match.

    The page is cut out before anything is joined, so only its own rows pay for join and count.
    """
    statement = sql(
        """
        SELECT counted.total,
               listed.id, listed.user_id, listed.title, listed.body,
               listed.created_at, listed.updated_at,
               author.name,
               (SELECT count(*) FROM comments WHERE comments.post_id = listed.id)
          FROM (SELECT count(*) AS total
                  FROM posts AS listed
                 WHERE {where}) AS counted
          LEFT JOIN (SELECT listed.id, listed.user_id, listed.title, listed.body,
                            listed.created_at, listed.updated_at
                       FROM posts AS listed
                      WHERE {where}
                      ORDER BY {order}
                      LIMIT %(limit)s OFFSET %(offset)s) AS listed ON TRUE
          LEFT JOIN users AS author ON author.id = listed.user_id
         ORDER BY {order}
        """,
        where=posts_matching(query),
        order=POST_ORDERS[query.sort],
    )
    parameters = {**query.model_dump(), "q": containing(query.q)}
    async with planned_for(conn, query.q):
        cursor = await conn.execute(statement, parameters)
        return page_of(await cursor.fetchall(), query, listed_post)


def listed_post(*columns: Any) -> ListedPost:  # noqa: ANN401 -- a row, as psycopg gives it
    """Nest the author that a row has beside the post."""
    *post, author, comment_count = columns
    return ListedPost(*post, author=Author(post[1], author), comment_count=comment_count)


async def insert_post(conn: AsyncConnection, new: NewPost) -> Post:
    """Add a post; an unknown author raises the violation of `posts_user_id_fkey`."""
    cursor = await conn.cursor(row_factory=class_row(Post)).execute(
        """
        INSERT INTO posts (user_id, title, body)
        VALUES (%(user_id)s, %(title)s, %(body)s)
        RETURNING id, user_id, title, body, created_at, updated_at
        """,
        {"user_id": new.user_id, "title": new.title, "body": new.body},
    )
    return await the_row(cursor)


async def update_post(conn: AsyncConnection, post_id: int, changes: PostChanges) -> Post | None:
    """Write the given fields over the row as it is at that moment, and date a real change.

    In UPDATE the old values stand on the right of =, as they are when the row's turn has come:
    an update that waited for another sees its result. now() is the time this one began to wait,
    so the clock is read instead.
    """
    cursor = await conn.cursor(row_factory=class_row(Post)).execute(
        """
        UPDATE posts
           SET user_id = COALESCE(%(user_id)s, user_id),
               title = COALESCE(%(title)s, title),
               body = COALESCE(%(body)s, body),
               updated_at = CASE
                   WHEN (COALESCE(%(user_id)s, user_id), COALESCE(%(title)s, title),
                         COALESCE(%(body)s, body)) IS DISTINCT FROM (user_id, title, body)
                   THEN clock_timestamp()
                   ELSE updated_at
               END
         WHERE id = %(id)s
        RETURNING id, user_id, title, body, created_at, updated_at
        """,
        {"user_id": None, "title": None, "body": None, **changes, "id": post_id},
    )
    return await cursor.fetchone()


async def delete_post(conn: AsyncConnection, post_id: int) -> bool:
    """Delete the post, its comments with it, and tell whether there was one."""
    cursor = await conn.execute("DELETE FROM posts WHERE id = %(id)s", {"id": post_id})
    return cursor.rowcount == 1
