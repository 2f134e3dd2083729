"""The service by a clock that stands still until it is set: `POST /clock {"seconds": 900}`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from phase3_auth import __main__ as service
from phase3_auth.app import create_app

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

    from phase3_auth.settings import Settings


class StandingClock:
    """Tells one time, until somebody moves the hands."""

    def __init__(self) -> None:
        self._time = datetime(2026, 1, 1, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Tell the time."""
        return self._time

    async def move(self, request: Request) -> Response:
        """Let so many seconds pass."""
        body = await request.json()
        self._time += timedelta(seconds=body["seconds"])
        return Response(status_code=204)


def with_clock(settings: Settings) -> FastAPI:
    """Compose the service; the clock's own route is added when the guards have been counted."""
    clock = StandingClock()
    app = create_app(settings, clock)
    app.router.routes.append(Route("/clock", clock.move, methods=["POST"]))
    return app


if __name__ == "__main__":
    service.create_app = with_clock
    service.main()
