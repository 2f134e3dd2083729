"""Reading: one row, and a page of joined ones."""

from shared.bench.plan import Request

REQUESTS = (
    Request("one user by id", "/users/<1-10000>", "user.sql", must=0.95, aim=1.3),
    # A service that shares one answer among all who ask the same is measured with both.
    Request("20 posts, all ask the same", "/feed?limit=20", "feed.sql", must=1.1, aim=1.5),
    Request("20 posts, all ask another", "/feed?limit=20&user_id=<1-1000>", "author.sql", 1.1, 1.5),
)
