"""The service with three more doors, and a clock that can be set.

`/doors/nobody` lets everybody in, `/doors/signature` whoever has a token that we have signed, and
`/doors/identity` whom the service itself would let in. Behind each lies nothing, or a product
(`/doors/NAME/products/ID`), which is what a request would be made for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from phase3_auth import __main__ as service
from phase3_auth.access_tokens import InvalidToken
from phase3_auth.auth import current_user
from phase3_auth.errors import invalid_token
from phase3_auth.products import read_product
from phase3_auth.responses import ok
from phase3_auth.security import now, security
from phase3_auth.strict import StrictRoute

from . import _clock

if TYPE_CHECKING:
    from fastapi import FastAPI

    from phase3_auth.settings import Settings


async def signature_alone(request: Request) -> None:
    """Believe what a token says if we have signed it and it has not expired, and ask nobody."""
    _, _, text = request.headers.get("authorization", "").partition(" ")
    try:
        security(request).access_tokens.read(text, now(request))
    except InvalidToken as error:
        raise invalid_token() from error


async def nothing() -> Response:
    """Answer without any work."""
    return ok(b"{}")


async def spent() -> Response:
    """Tell how much processor time the service has taken until now, in seconds."""
    return PlainTextResponse(str(time.process_time()))


GUARDS = {
    "nobody": [],
    "signature": [Depends(signature_alone)],
    "identity": [Depends(current_user)],
}


def doors() -> APIRouter:
    """Make the routes."""
    router = APIRouter(route_class=StrictRoute, prefix="/doors")
    for name, guard in GUARDS.items():
        router.add_api_route(f"/{name}", nothing, dependencies=guard)
        path = f"/{name}/products/{{product_id}}"
        router.add_api_route(path, read_product, dependencies=guard)
    router.add_api_route("/spent", spent)
    return router


def with_doors(settings: Settings) -> FastAPI:
    """Compose the service, the doors in front: all are found equally soon."""
    app = _clock.with_clock(settings)
    app.router.routes[:0] = doors().routes
    return app


if __name__ == "__main__":
    service.create_app = with_doors
    service.main()
