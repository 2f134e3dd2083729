"""The feed: all posts, newest first, by keyset: pages that hold still while rows come and go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, LiteralString, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, TypeAdapter

from .cursors import START, Cursor, Place, cursor_of, place_of
from .database import connection, containing, planned_for, sql
from .errors import problems
from .posts import ListedPost, listed_post
from .responses import ok
from .schemas import Limit, Search, UserId
from .sharing import Batch
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
    cursor: Cursor | None = None
    user_id: UserId | None = None
    q: Search | None = None


feed_json = TypeAdapter(FeedPage).dump_json


@router.get("/feed", response_model=FeedPage, responses=problems(400))
async def read_feed(request: Request, query: Annotated[FeedQuery, Query()]) -> Response:
    """Show the newest posts, or those after the cursor."""
    after = START if query.cursor is None else place_of(query.cursor)
    wanted = Wanted(query.limit, after, query.user_id, query.q)
    if query.q is not None:  # a search is planned for its text, so it shares no plan
        async with connection(request) as conn:
            return ok((await feed_pages(conn, [wanted]))[wanted])
    feed = whole_feed if query.user_id is None else authors_feeds
    return ok(await feed.get(request, wanted))


class Wanted(NamedTuple):
    """A page that somebody asks for."""

    limit: int
    after: Place
    user_id: int | None
    q: str | None


async def feed_pages(conn: AsyncConnection, wanted: Sequence[Wanted]) -> dict[Wanted, bytes]:
    """Make the pages that are wanted, each once, for all who ask for it."""
    feeds = await select_feeds(conn, wanted)
    return {page: feed_json(feed_page(page.limit, posts)) for page, posts in feeds.items()}


def feed_page(limit: int, posts: list[ListedPost]) -> FeedPage:
    """Make a page of as many posts, and one more if the feed goes on."""
    last = posts[limit - 1] if len(posts) > limit else None
    next_cursor = last and cursor_of(Place(last.created_at, last.id))
    return FeedPage(posts[:limit], limit, next_cursor)


# The whole feed and an author's are walked along different indexes, which makes them two queries.
whole_feed = Batch(feed_pages)
authors_feeds = Batch(feed_pages)


async def select_feeds(
    conn: AsyncConnection, wanted: Sequence[Wanted]
) -> dict[Wanted, list[ListedPost]]:
    """Return for each page its posts, and one more than its limit if there is one.

    All pages have the same filters. LATERAL runs the inner query once for each of them, as a loop
    would, in one round trip.

    A row comparison goes by created_at and, where that is equal, by id: exactly the order of the
    index, so PostgreSQL walks straight to the place. OFFSET would read and drop all before it,
    and a post that arrives meanwhile would push one that was seen onto the next page.
    """
    statement = sql(
        """
        SELECT wanted.number,
               listed.id, listed.user_id, listed.title, listed.body,
               listed.created_at, listed.updated_at,
               listed.author,
               listed.comment_count
          FROM unnest(%(limits)s::bigint[], %(times)s::timestamptz[], %(ids)s::bigint[],
                      %(user_ids)s::bigint[])
               WITH ORDINALITY AS wanted (posts, created_at, id, user_id, number)
         CROSS JOIN LATERAL (
               SELECT listed.id, listed.user_id, listed.title, listed.body,
                      listed.created_at, listed.updated_at,
                      author.name AS author,
                      (SELECT count(*) FROM comments WHERE comments.post_id = listed.id)
                          AS comment_count
                 FROM posts AS listed
                 JOIN users AS author ON author.id = listed.user_id
                WHERE (listed.created_at, listed.id) < (wanted.created_at, wanted.id) {filters}
                ORDER BY listed.created_at DESC, listed.id DESC
                LIMIT wanted.posts) AS listed
         ORDER BY wanted.number, listed.created_at DESC, listed.id DESC
        """,
        filters=feed_filters(wanted[0]),
    )
    parameters = {
        "limits": [page.limit + 1 for page in wanted],
        "times": [page.after.time for page in wanted],
        "ids": [page.after.id for page in wanted],
        "user_ids": [page.user_id for page in wanted],
        "q": containing(wanted[0].q),
    }
    feeds: dict[Wanted, list[ListedPost]] = {page: [] for page in wanted}
    async with planned_for(conn, wanted[0].q):
        cursor = await conn.execute(statement, parameters)
        for number, *post in await cursor.fetchall():
            feeds[wanted[number - 1]].append(listed_post(*post))
    return feeds


def feed_filters(wanted: Wanted) -> LiteralString:
    """Write the conditions for what was asked for, and nothing for what was not."""
    filters: LiteralString = ""
    if wanted.user_id is not None:
        filters += " AND listed.user_id = wanted.user_id"
    if wanted.q is not None:
        filters += " AND (listed.title ILIKE %(q)s OR listed.body ILIKE %(q)s)"
    return filters
