"""Logging in with tokens, over HTTP."""

from fastapi import APIRouter, Response
from pydantic import TypeAdapter

from ..domain.accounts import Credentials, GivenToken
from ..domain.sessions import Tokens
from ..services.tokens import Granted, TokenService
from .context import Address
from .errors import BODY, problems
from .rate_limit import headers_of
from .responses import private
from .strict import StrictRoute

tokens_json = TypeAdapter(Tokens).dump_json


def routes(tokens: TokenService) -> APIRouter:
    """Make the routes for logging in with tokens."""
    router = APIRouter(route_class=StrictRoute, tags=["auth"])

    @router.post("/auth/login", response_model=Tokens, responses=problems(401, 429, *BODY))
    async def log_in(address: Address, given: Credentials) -> Response:
        """Give tokens for a password."""
        return answer(await tokens.log_in(address, given))

    @router.post("/auth/refresh", response_model=Tokens, responses=problems(401, 429, *BODY))
    async def refresh(address: Address, given: GivenToken) -> Response:
        """Exchange a refresh token for a new pair; it is used up by that."""
        return answer(await tokens.refresh(address, given.refresh_token))

    return router


def answer(granted: Granted) -> Response:
    """Hand the tokens over; nothing on the way may keep them."""
    made = private(tokens_json(granted.tokens))
    made.headers.update(headers_of(granted.allowance))
    return made
