"""Reports, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from ..domain.reports import BestSellers, ReportQuery
from ..services.reports import ReportService
from .auth import FOR_ADMINS
from .errors import problems
from .responses import ok
from .strict import StrictRoute

report_json = TypeAdapter(BestSellers).dump_json


def routes(reports: ReportService) -> APIRouter:
    """Make the routes for reports."""
    router = APIRouter(route_class=StrictRoute, tags=["reports"])

    @router.get(
        "/reports/best-sellers",
        dependencies=FOR_ADMINS,
        response_model=BestSellers,
        responses=problems(400),
    )
    async def read_best_sellers(query: Annotated[ReportQuery, Query()]) -> Response:
        """Report the products that brought most in each period; by default of the last 30 days."""
        return ok(report_json(await reports.best_sellers(query)))

    return router
