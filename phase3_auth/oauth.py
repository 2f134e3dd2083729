"""Login through an OpenID provider: out to it, back from it, and whose account that is."""

import logging
import re
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from secrets import compare_digest, token_urlsafe
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .cookie_sessions import open_session
from .database import connection
from .errors import Problem, problems, unauthorized
from .id_tokens import Profile, refused
from .identities import account_of
from .provider import CALLBACK, Provider
from .retrying import TryAgain, retried
from .schemas import described
from .security import address_of, now, security
from .sessions import digest, given_cookie, set_cookie
from .strict import StrictRoute

log = logging.getLogger(__package__)

router = APIRouter(route_class=StrictRoute, tags=["auth"])

COOKIE = "__Host-oauth"
LIFETIME = timedelta(minutes=10)  # to type a password, and to look for a second factor

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


class CallbackQuery(BaseModel):
    """What the provider sends a browser back with: a code, or an error in its place.

    The only query that may hold more than it knows: providers add parameters of their own, and a
    client has to ignore them (RFC 6749, 4.1.2). One that is given twice is refused even here.
    """

    model_config = ConfigDict(extra="ignore")

    state: Annotated[str, Field(max_length=100)]
    code: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    iss: Annotated[str, Field(max_length=1000)] | None = None
    error: Annotated[str, Field(max_length=1000)] | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """A login that has begun: a row of `oauth_logins`."""

    nonce: str
    code_verifier: str
    return_to: str


# ---------------------------------------------------------------- routes


@router.get(
    "/auth/oauth/login",
    status_code=303,
    response_class=Response,
    responses=problems(400, 404, 429),
)
async def begin_login(request: Request, query: Annotated[LoginQuery, Query()]) -> Response:
    """Send a browser to the provider, with a cookie by which it is known when it comes back.

    A browser has one such login under way: to begin another gives up the one before.
    """
    provider = the_provider(request)
    allowance = security(request).limits.oauth(address_of(request))
    secret = token_urlsafe(32)
    state = state_of(secret)
    login = Login(token_urlsafe(32), token_urlsafe(48), query.return_to)
    url = await provider.authorization_url(state, login.nonce, login.code_verifier)
    async with connection(request) as conn:
        await insert_login(conn, state, login, now(request) + LIFETIME)
    answer = see_other(url)
    remember(answer, secret, LIFETIME)
    answer.headers.update(allowance.headers)
    return answer


@router.get(
    CALLBACK, status_code=303, response_class=Response, responses=problems(400, 401, 403, 404)
)
async def finish_login(request: Request, query: Annotated[CallbackQuery, Query()]) -> Response:
    """Take back a browser that the provider has sent, and log in whom the provider vouches for.

    No connection is held while the provider is asked: it takes its time, and may be away.
    """
    provider = the_provider(request)
    login = await take_login(request, query.state)
    await provider.check_issuer(query.iss)
    if query.error is not None or query.code is None:
        # Neither told nor logged: the words may be anybody's, as anybody can make such an address.
        raise refused("by_the_provider")
    profile = await provider.redeem(query.code, login.nonce, login.code_verifier)
    cookie = await retried(lambda: log_in(request, provider.issuer, profile))
    answer = see_other(login.return_to)
    set_cookie(answer, cookie, security(request).settings.session_lifetime)
    remember(answer, "", timedelta())
    return answer


def the_provider(request: Request) -> Provider:
    """Find the provider; raises 404 where there is none."""
    provider = security(request).provider
    if provider is None:
        raise Problem(404, "oauth_not_configured", "There is no login through a provider here.")
    return provider


# ---------------------------------------------------------------- which browser


def state_of(secret: str) -> str:
    """Make the state out of the cookie's secret.

    The state travels in addresses, which end up in histories and logs. If the cookie held the same,
    whoever reads the address of a callback first could make the cookie and use both. There is no
    way back from this.
    """
    return urlsafe_b64encode(digest(f"state {secret}")).decode().rstrip("=")


async def take_login(request: Request, state: str) -> Login:
    """Find the login that this browser has begun, and take it away: it comes back once.

    The cookie is looked at first. An attacker who has begun a login can make somebody's browser
    open its callback, to have them work in his account without knowing it (login CSRF); but he
    cannot put the cookie there. Nor can he use up a login whose state he has seen.
    """
    secret = given_cookie(request, COOKIE)
    if not compare_digest(state_of(secret).encode(), state.encode()):
        raise login_expired()
    async with connection(request) as conn:
        login = await delete_login(conn, state, now(request))
    if login is None:
        raise login_expired()
    return login


def login_expired() -> Problem:
    """401: nobody knows this login here, or nobody does any more."""
    detail = "This login was not begun in this browser, or took too long. Begin again."
    return unauthorized("login_expired", detail)


def remember(answer: Response, secret: str, lifetime: timedelta) -> None:
    """Hand the browser its secret.

    Lax: the provider, another site, sends the browser back, and the cookie has to come along.
    """
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=round(lifetime.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )


def see_other(address: str) -> Response:
    """303: go there with GET, whatever this was; and nobody keeps it for the next one."""
    return Response(status_code=303, headers={"Location": address, "Cache-Control": "no-store"})


# ---------------------------------------------------------------- the session


async def log_in(request: Request, issuer: str, profile: Profile) -> str:
    """Open a session for whoever the provider vouches for; returns its cookie."""
    async with connection(request) as conn, conn.transaction():
        account, how = await account_of(conn, issuer, profile, now(request))
        opened = await open_session(conn, request, account)
        if opened is None:
            raise TryAgain  # the password was changed since we looked
    log.info("auth.logged_in user_id=%d by=provider account=%s", account.id, how)
    return opened[0]


# ---------------------------------------------------------------- SQL


async def insert_login(
    conn: AsyncConnection, state: str, login: Login, expires_at: datetime
) -> None:
    """Write down a login that begins."""
    await conn.execute(
        """
        INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
        VALUES (%(state_hash)s, %(nonce)s, %(code_verifier)s, %(return_to)s, %(expires_at)s)
        """,
        {"state_hash": digest(state), **asdict(login), "expires_at": expires_at},
    )


async def delete_login(conn: AsyncConnection, state: str, at: datetime) -> Login | None:
    """Take a login away; of two who want the same one, DELETE gives it to one."""
    cursor = await conn.cursor(row_factory=class_row(Login)).execute(
        """
        DELETE FROM oauth_logins
         WHERE state_hash = %(state_hash)s
           AND expires_at > %(at)s
        RETURNING nonce, code_verifier, return_to
        """,
        {"state_hash": digest(state), "at": at},
    )
    return await cursor.fetchone()
