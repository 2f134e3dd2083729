"""The application: what is wired to what, and which paths there are."""

import gc
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from psycopg.errors import UndefinedTable

from . import (
    accounts,
    cancel_order,
    cookie_sessions,
    errors,
    logout,
    movements,
    oauth,
    orders,
    place_order,
    products,
    refresh_tokens,
    reports,
    restock,
    users,
)
from .access_tokens import AccessTokens
from .auth import document_guards, refuse_unguarded
from .clock import Clock, utc_now
from .database import Database, connection
from .middleware import Surroundings
from .passwords import Passwords
from .provider import Provider
from .rate_limit import RateLimits
from .security import Security
from .settings import LEAST_BCRYPT_COST, Settings
from .strict import StrictRoute

log = logging.getLogger(__package__)

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


def create_app(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """Compose the service; nothing outside this function knows how the parts meet."""
    database = Database(settings)
    security = secure(settings, clock)

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
        security.passwords.close()
        if security.provider is not None:
            await security.provider.close()
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
    app.state.security = security
    # The busiest first: routes are tried one after the other.
    shop = (place_order, orders, cancel_order, products, restock, movements, reports, users)
    parts = (*shop, refresh_tokens, cookie_sessions, logout, accounts, oauth)
    for each in (*(part.router for part in parts), router):
        # Not include_router: it would match each request twice, to offer prefixes we do not use.
        app.router.routes.extend(each.routes)
    refuse_unguarded(app)
    app.add_middleware(Surroundings, max_body_bytes=settings.max_body_bytes)
    errors.install(app)
    app.openapi = lambda: describe(app)
    return app


def secure(settings: Settings, clock: Clock) -> Security:
    """Compose what tells who is asking."""
    if settings.bcrypt_cost < LEAST_BCRYPT_COST:
        log.warning("settings.cheap_passwords bcrypt_cost=%d", settings.bcrypt_cost)
    return Security(
        settings,
        clock,
        Passwords(
            settings.password_pepper.get_secret_value(),
            settings.bcrypt_cost,
            settings.password_threads,
        ),
        AccessTokens(settings.jwt_keys, settings.jwt_issuer, settings.jwt_audience),
        RateLimits(
            login_per_address=settings.login_per_address,
            login_per_pair=settings.login_per_pair,
            login_per_account=settings.login_per_account,
            signup_per_address=settings.signup_per_address,
            refresh_per_address=settings.refresh_per_address,
            oauth_per_address=settings.oauth_per_address,
        ),
        Provider(settings, clock) if settings.oidc_issuer else None,
    )


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
        document_guards(app, document)
        app.openapi_schema = document
    return app.openapi_schema
