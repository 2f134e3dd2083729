"""What a request finds out about who serves it, and from there about who sends it.

A service is handed to the routes once, when they are made. `Depends` is for what is another thing
for each request: who is asking, and from where.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, cast

from fastapi import Depends, Request

from ..networks import Network
from ..services.identification import Identification
from .client_address import client_address


@dataclass(frozen=True, slots=True)
class Context:
    """What all requests have in common."""

    identification: Identification
    public_url: str
    trusted_proxies: tuple[Network, ...]
    session_lifetime: timedelta


def context(request: Request) -> Context:
    """Find it where `main` has put it."""
    return cast("Context", request.app.state.context)


# `async`, though it waits for nothing: FastAPI would run any other function in a thread.
async def address_of(request: Request) -> str:
    """Tell where a request comes from, for counting."""
    return client_address(request.scope, context(request).trusted_proxies)


Address = Annotated[str, Depends(address_of)]
