"""Login through an OpenID provider, over HTTP: a browser goes out to it, and comes back."""

import re
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ..domain.fields import described
from ..domain.logins import Callback
from ..services.oauth import LIFETIME, OAuthService
from .context import Address, context
from .cookies import LOGIN, SESSION, given_cookie, set_cookie
from .errors import problems
from .rate_limit import headers_of
from .responses import see_other
from .strict import StrictRoute

CALLBACK = "/auth/oauth/callback"

# A path, and perhaps a query, of the characters that stand for themselves (RFC 3986, 3.3 and 3.4).
PART = "[A-Za-z0-9._~!$&'()*+,;=:@%?-]+"
OWN_PATH = f"/({PART}(/{PART})*/?)?"


def own_path(text: str) -> str:
    r"""Refuse what could lead a browser elsewhere: to it //host is a host, and so is /\host."""
    if not re.fullmatch(OWN_PATH, text):
        raise PydanticCustomError("own_path", "must be a path of this service such as /auth/me")
    return text


class LoginQuery(BaseModel):
    """Where to go when the login is done."""

    model_config = ConfigDict(extra="forbid")

    return_to: Annotated[
        str,
        Field(max_length=500, json_schema_extra=described(OWN_PATH)),
        AfterValidator(own_path),
    ] = "/auth/me"


def routes(oauth: OAuthService) -> APIRouter:
    """Make the routes for logging in through a provider."""
    router = APIRouter(route_class=StrictRoute, tags=["auth"])

    @router.get(
        "/auth/oauth/login",
        status_code=303,
        response_class=Response,
        responses=problems(400, 404, 429),
    )
    async def begin_login(address: Address, query: Annotated[LoginQuery, Query()]) -> Response:
        """Send a browser to the provider, with a cookie by which it is known when it comes back.

        A browser has one such login under way: to begin another gives up the one before.
        """
        begun = await oauth.begin(address, query.return_to)
        answer = see_other(begun.url)
        remember(answer, begun.secret, LIFETIME)
        answer.headers.update(headers_of(begun.allowance))
        return answer

    @router.get(
        CALLBACK, status_code=303, response_class=Response, responses=problems(400, 401, 403, 404)
    )
    async def finish_login(request: Request, callback: Annotated[Callback, Query()]) -> Response:
        """Take back a browser that the provider has sent, and log in whom the provider vouches for.

        No connection is held while the provider is asked: it takes its time, and may be away.
        """
        secret, earlier = given_cookie(request, LOGIN), given_cookie(request, SESSION)
        login, opened = await oauth.finish(secret, callback, earlier)
        answer = see_other(login.return_to)
        set_cookie(answer, opened.cookie, context(request).session_lifetime)
        remember(answer, "", timedelta())
        return answer

    return router


def remember(answer: Response, secret: str, lifetime: timedelta) -> None:
    """Hand the browser its secret.

    Lax: the provider, another site, sends the browser back, and the cookie has to come along.
    """
    answer.set_cookie(
        LOGIN,
        secret,
        max_age=round(lifetime.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )
