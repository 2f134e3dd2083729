"""The application: what is wired to what, and which paths there are."""

import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from psycopg.errors import UndefinedTable

from . import (
    cancel_order,
    errors,
    movements,
    orders,
    place_order,
    products,
    reports,
    restock,
    users,
)
from .database import Database, connection
from .middleware import Surroundings
from .settings import Settings
from .strict import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["health"])


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """Tell that the process runs; it asks nobody else: a sick database restarts no service."""
    return {"status": "ok"}


@router.get("/readyz", responses=errors.problems())
async def ready(request: Request) -> dict[str, str]:
    """Tell whether requests can be served, which takes the database and our tables in it."""
    async with connection(request) as conn:
        try:
            await conn.execute("SELECT FROM orders LIMIT 1")
        except UndefinedTable as error:
            raise errors.not_set_up() from error
    return {"status": "ready"}


def create_app(settings: Settings) -> FastAPI:
    """Compose the service; nothing outside this function knows how the parts meet."""
    database = Database(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        await database.open()
        # What exists now exists for good. The collector, which stops every request while it
        # looks, need never look at it again.
        gc.collect()
        gc.freeze()
        # What a request leaves behind is nearly all freed by counting references. The search for
        # cycles after every 700 new objects finds next to nothing, so it may come less often.
        gc.set_threshold(10_000)
        yield
        await database.close()

    # The pages of /docs come from the package, so they work without the internet.
    app = FastAPIOffline(
        title="Shop",
        version="1",
        redoc_url=None,
        redirect_slashes=False,
        # Unused, they would still be looked for on every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    app.state.database = database
    # The busiest first: routes are tried one after the other.
    parts = (place_order, orders, cancel_order, products, restock, movements, reports, users)
    for each in (*(part.router for part in parts), router):
        # Not include_router: it would match each request twice, to offer prefixes we do not use.
        app.router.routes.extend(each.routes)
    app.add_middleware(Surroundings, max_body_bytes=settings.max_body_bytes)
    errors.install(app)
    app.openapi = lambda: describe(app)
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document, with our errors in the place of FastAPI's own 422."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = errors.PROBLEM_SCHEMA
        for path in document["paths"].values():
            for operation in path.values():
                ours = operation["responses"].get("422", {}).get("content", {})
                if "application/json" in ours:
                    del operation["responses"]["422"]
        app.openapi_schema = document
    return app.openapi_schema
