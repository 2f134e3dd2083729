"""Comments: their routes, and the SQL the routes run."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import TypeAdapter

from .database import connection, page_of, the_row
from .errors import BODY, not_found, problems
from .posts import Author
from .responses import created, no_content, ok
from .schemas import CommentChanges, CommentText, Id, NewComment, Page, PageQuery
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["comments"])


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody has said about a post."""

    id: int
    post_id: int
    user_id: int
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ListedComment:
    """A comment as a list shows it: with its author."""

    id: int
    post_id: int
    user_id: int
    body: str
    created_at: datetime
    author: Author


comment_json = TypeAdapter(Comment).dump_json
comments_json = TypeAdapter(Page[ListedComment]).dump_json

# ---------------------------------------------------------------- routes


@router.get(
    "/posts/{post_id}/comments", response_model=Page[ListedComment], responses=problems(400, 404)
)
async def list_comments(
    request: Request, post_id: Id, query: Annotated[PageQuery, Query()]
) -> Response:
    """List the comments on a post, oldest first."""
    async with connection(request) as conn:
        page = await select_comments(conn, post_id, query)
    if page is None:
        raise not_found("post", post_id)
    return ok(comments_json(page))


@router.post(
    "/posts/{post_id}/comments",
    status_code=201,
    response_model=Comment,
    responses=problems(404, *BODY),
)
async def create_comment(request: Request, post_id: Id, new: NewComment) -> Response:
    """Comment on a post."""
    async with connection(request) as conn:
        comment = await insert_comment(conn, post_id, new)
    return created(f"/comments/{comment.id}", comment_json(comment))


@router.get("/comments/{comment_id}", response_model=Comment, responses=problems(404))
async def read_comment(request: Request, comment_id: Id) -> Response:
    """Show one comment."""
    async with connection(request) as conn:
        comment = await select_comment(conn, comment_id)
    if comment is None:
        raise not_found("comment", comment_id)
    return ok(comment_json(comment))


@router.put("/comments/{comment_id}", response_model=Comment, responses=problems(404, *BODY))
async def replace_comment(request: Request, comment_id: Id, new: CommentText) -> Response:
    """Replace the text of a comment."""
    return await write_comment(request, comment_id, {"body": new.body})


@router.patch("/comments/{comment_id}", response_model=Comment, responses=problems(404, *BODY))
async def change_comment(request: Request, comment_id: Id, changes: CommentChanges) -> Response:
    """Change the text of a comment, or nothing."""
    return await write_comment(request, comment_id, changes)


async def write_comment(request: Request, comment_id: int, changes: CommentChanges) -> Response:
    """Answer PUT and PATCH: replacing is changing every field."""
    async with connection(request) as conn:
        comment = await update_comment(conn, comment_id, changes)
    if comment is None:
        raise not_found("comment", comment_id)
    return ok(comment_json(comment))


@router.delete("/comments/{comment_id}", status_code=204, responses=problems(404))
async def remove_comment(request: Request, comment_id: Id) -> Response:
    """Delete a comment."""
    async with connection(request) as conn:
        found = await delete_comment(conn, comment_id)
    if not found:
        raise not_found("comment", comment_id)
    return no_content()


# ---------------------------------------------------------------- SQL


async def select_comments(
    conn: AsyncConnection, post_id: int, query: PageQuery
) -> Page[ListedComment] | None:
    """Return one page of a post's comments, or None if there is no such post.

    FROM posts makes the difference: a post without comments gives a row, no post gives none.
    """
    cursor = await conn.execute(
        """
        SELECT (SELECT count(*) FROM comments WHERE comments.post_id = posts.id) AS total,
               listed.id, listed.post_id, listed.user_id, listed.body, listed.created_at,
               author.name
          FROM posts
          LEFT JOIN LATERAL (SELECT id, post_id, user_id, body, created_at
                               FROM comments
                              WHERE comments.post_id = posts.id
                              ORDER BY id
                              LIMIT %(limit)s OFFSET %(offset)s) AS listed ON TRUE
          LEFT JOIN users AS author ON author.id = listed.user_id
         WHERE posts.id = %(post_id)s
         ORDER BY listed.id
        """,
        {"post_id": post_id, "limit": query.limit, "offset": query.offset},
    )
    rows = await cursor.fetchall()
    return page_of(rows, query, listed_comment) if rows else None


def listed_comment(*columns: Any) -> ListedComment:  # noqa: ANN401 -- a row, as psycopg gives it
    """Nest the author that a row has beside the comment."""
    *comment, author = columns
    return ListedComment(*comment, author=Author(comment[2], author))


async def select_comment(conn: AsyncConnection, comment_id: int) -> Comment | None:
    """Find one comment by id."""
    cursor = await conn.cursor(row_factory=class_row(Comment)).execute(
        """
        SELECT id, post_id, user_id, body, created_at
          FROM comments
         WHERE id = %(id)s
        """,
        {"id": comment_id},
    )
    return await cursor.fetchone()


async def insert_comment(conn: AsyncConnection, post_id: int, new: NewComment) -> Comment:
    """Add a comment; an unknown post or author raises the violation of its foreign key."""
    cursor = await conn.cursor(row_factory=class_row(Comment)).execute(
        """
        INSERT INTO comments (post_id, user_id, body)
        VALUES (%(post_id)s, %(user_id)s, %(body)s)
        RETURNING id, post_id, user_id, body, created_at
        """,
        {"post_id": post_id, "user_id": new.user_id, "body": new.body},
    )
    return await the_row(cursor)


async def update_comment(
    conn: AsyncConnection, comment_id: int, changes: CommentChanges
) -> Comment | None:
    """Write the text if one is given."""
    cursor = await conn.cursor(row_factory=class_row(Comment)).execute(
        """
        UPDATE comments
           SET body = COALESCE(%(body)s, body)
         WHERE id = %(id)s
        RETURNING id, post_id, user_id, body, created_at
        """,
        {"body": changes.get("body"), "id": comment_id},
    )
    return await cursor.fetchone()


async def delete_comment(conn: AsyncConnection, comment_id: int) -> bool:
    """Delete the comment and tell whether there was one."""
    cursor = await conn.execute("DELETE FROM comments WHERE id = %(id)s", {"id": comment_id})
    return cursor.rowcount == 1
