"""The application: the services on one side, HTTP on the other."""

import gc
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from . import dependencies
from .controllers import (
    accounts,
    cookie_sessions,
    errors,
    health,
    oauth,
    orders,
    products,
    reports,
    sessions,
    stock,
    tokens,
    users,
)
from .controllers.auth import refuse_unguarded
from .controllers.context import Context
from .controllers.middleware import Envelope
from .controllers.openapi import describe
from .dependencies import Services
from .domain.clock import Clock, utc_now
from .settings import LEAST_BCRYPT_COST, Settings

log = logging.getLogger(__name__)


def create_app(settings: Settings, clock: Clock = utc_now) -> FastAPI:
    """Make the service out of its settings."""
    if settings.bcrypt_cost < LEAST_BCRYPT_COST:
        log.warning("settings.cheap_passwords bcrypt_cost=%d", settings.bcrypt_cost)
    outside = dependencies.outside(settings, clock)
    services = dependencies.services(dependencies.ports(settings, outside, clock))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        await outside.open()
        # What exists now exists for good. The collector, which stops every request while it
        # looks, need never look at it again.
        gc.collect()
        gc.freeze()
        # What a request leaves behind is nearly all freed by counting references. The search for
        # cycles after every 700 new objects finds next to nothing, so it may come less often.
        gc.set_threshold(10_000)
        yield
        await outside.close()

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
    app.state.context = Context(
        services.identification,
        settings.public_url,
        settings.trusted_proxies,
        settings.session_lifetime,
    )
    for router in routers(services):
        # Not include_router: it would match each request twice, to offer prefixes we do not use.
        app.router.routes.extend(router.routes)
    refuse_unguarded(app)
    app.add_middleware(Envelope, max_body_bytes=settings.max_body_bytes)
    errors.install(app)
    app.openapi = lambda: describe(app)
    return app


def routers(services: Services) -> Iterator[APIRouter]:
    """Hand each controller its service; the busiest first: routes are tried one after the other."""
    yield orders.routes(services.orders)
    yield products.routes(services.products)
    yield stock.routes(services.stock)
    yield reports.routes(services.reports)
    yield users.routes(services.users)
    yield tokens.routes(services.tokens)
    yield cookie_sessions.routes(services.cookie_sessions, services.identification)
    yield sessions.routes(services.sessions)
    yield accounts.routes(services.accounts, services.users)
    yield oauth.routes(services.oauth)
    yield health.routes(services.health)
