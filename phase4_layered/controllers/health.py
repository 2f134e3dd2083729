"""Whether the service is alive, and whether it can serve."""

from fastapi import APIRouter

from ..services.health import HealthService
from .errors import problems
from .strict import StrictRoute


def routes(health: HealthService) -> APIRouter:
    """Make the routes for asking how the service is."""
    router = APIRouter(route_class=StrictRoute, tags=["health"])

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """Tell that the process runs; it asks nobody else: a sick database restarts no service."""
        return {"status": "ok"}

    @router.get("/readyz", responses=problems())
    async def ready() -> dict[str, str]:
        """Tell whether requests can be served, which takes the database and our tables in it."""
        await health.check()
        return {"status": "ready"}

    return router
