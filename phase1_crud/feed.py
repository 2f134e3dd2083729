"""The feed: all posts, newest first, by keyset: pages that hold still while rows come and go."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, LiteralString
from zlib import crc32

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import args_row
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from .database import containing, planned_for, sql
from .errors import invalid_query, problems
from .posts import ListedPost, listed_post
from .responses import ok
from .schemas import Limit, Search, UserId
from .sharing import Shared
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["feed"])


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A stretch of the feed, and where the next one begins."""

    items: list[ListedPost]
    limit: int
    next_cursor: str | None


class FeedQuery(BaseModel):
    """Which posts, and from where on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Limit = 20
    cursor: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    user_id: UserId | None = None
    q: Search | None = None


feed_json = TypeAdapter(FeedPage).dump_json


@router.get("/feed", response_model=FeedPage, responses=problems(400))
async def read_feed(request: Request, query: Annotated[FeedQuery, Query()]) -> Response:
    """Show the newest posts, or those after the cursor."""
    return ok(await feed_pages.get(request, query))


async def feed_page(conn: AsyncConnection, query: FeedQuery) -> bytes:
    """Make a page of the feed, for all who ask for it at once."""
    after = None if query.cursor is None else place_of(query.cursor)
    posts = await select_feed(conn, query, after)
    has_more = len(posts) > query.limit
    posts = posts[: query.limit]
    next_cursor = cursor_of(posts[-1]) if has_more else None
    return feed_json(FeedPage(posts, query.limit, next_cursor))


feed_pages = Shared(feed_page)


async def select_feed(
    conn: AsyncConnection, query: FeedQuery, after: "Place | None"
) -> list[ListedPost]:
    """Return the posts after a place, and one more than asked for if there is one.

    A row comparison goes by created_at and, where that is equal, by id: exactly the order of the
    index, so PostgreSQL walks straight to the place. OFFSET would read and drop all before it,
    and a post that arrives meanwhile would push one that was seen onto the next page.
    """
    statement = sql(
        """
        SELECT listed.id, listed.user_id, listed.title, listed.body,
               listed.created_at, listed.updated_at,
               author.name,
               (SELECT count(*) FROM comments WHERE comments.post_id = listed.id)
          FROM posts AS listed
          JOIN users AS author ON author.id = listed.user_id
         WHERE {where}
         ORDER BY listed.created_at DESC, listed.id DESC
         LIMIT %(limit)s
        """,
        where=feed_matching(query),
    )
    parameters = {
        "limit": query.limit + 1,
        "user_id": query.user_id,
        "q": containing(query.q),
        "created_at": after and after.created_at,
        "id": after and after.id,
    }
    async with planned_for(conn, query.q):
        cursor = conn.cursor(row_factory=args_row(listed_post))
        return await (await cursor.execute(statement, parameters)).fetchall()


def feed_matching(query: FeedQuery) -> LiteralString:
    """Write the condition with what was asked for, and nothing for what was not."""
    where: LiteralString = "TRUE"
    if query.cursor is not None:
        where += " AND (listed.created_at, listed.id) < (%(created_at)s, %(id)s)"
    if query.user_id is not None:
        where += " AND listed.user_id = %(user_id)s"
    if query.q is not None:
        where += " AND (listed.title ILIKE %(q)s OR listed.body ILIKE %(q)s)"
    return where


# ---------------------------------------------------------------- cursors


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the feed: right behind the post with this time and id."""

    created_at: datetime
    id: int


def cursor_of(post: ListedPost | Place) -> str:
    """Write a place as an opaque word, so that no client builds one and what is in it can change.

    The checksum catches a cursor cut short or mistyped. It is no signature: whoever forges a
    cursor may see only what they may see without one.
    """
    place = f"{post.created_at.isoformat()}/{post.id}".encode()
    return base64.urlsafe_b64encode(place + crc32(place).to_bytes(4, "big")).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Read a cursor back; 400 unless it is, to the letter, one that `cursor_of` writes."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created_at, _, post_id = base64.urlsafe_b64decode(padded)[:-4].decode().partition("/")
        place = Place(datetime.fromisoformat(created_at), int(post_id))
    except (ValueError, binascii.Error):
        place = None
    if place is None or cursor_of(place) != cursor:
        raise invalid_query([{"field": "cursor", "message": "This is not a cursor from here."}])
    return place
