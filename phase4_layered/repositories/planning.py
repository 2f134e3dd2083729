"""How PostgreSQL is to plan a statement."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from psycopg import AsyncConnection


@asynccontextmanager
async def planned_for(conn: AsyncConnection, pattern: str | None) -> AsyncGenerator[None]:
    """Let the statements inside be planned for their values, if there is a pattern among them.

    The plan for all values cannot know how rare a text is, and would read the whole table for it.
    """
    if pattern is None:
        yield
        return
    async with conn.transaction():
        await conn.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield
