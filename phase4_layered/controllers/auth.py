"""Who is asking, and may they: the one place where a token or a cookie becomes a user.

A route says whom it lets in by the type of a parameter, `CurrentUser` or `Admin`. One that says
neither has to stand in PUBLIC, or the service doesn't start.
"""

import hmac
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Route

from ..domain.errors import Unauthenticated, forbidden, invalid_token
from ..domain.identity import Identity
from .context import context
from .cookies import SESSION, csrf_token, given_cookie
from .errors import Problem, problems

# What needs no identity, and no other route does without one.
PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/openapi.json"),
    ("GET", "/products"),
    ("GET", "/products/{product_id}"),
    ("POST", "/auth/signup"),
    ("POST", "/auth/login"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/session"),
    ("GET", "/auth/oauth/login"),
    ("GET", "/auth/oauth/callback"),
}

# What /docs is made of. Any other part of an app may have routes that cannot be seen from outside.
FOLDERS = {"/static-offline-docs"}

SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, 9.2.1: they change nothing, so none needs forging

# ---------------------------------------------------------------- who


async def current_user(request: Request) -> Identity:
    """Find out who is asking; raises 401, and 403 for a request that another site has sent.

    A request with an Authorization header is judged by that alone. No page can make a browser send
    one along to another site, which is why CSRF is a matter of cookies only.
    """
    if given := request.headers.getlist("authorization"):
        return await by_token(request, given)
    if cookie := given_cookie(request, SESSION):
        return await by_cookie(request, cookie)
    raise Unauthenticated("authentication_required", "This request needs a token or a session.")


async def by_token(request: Request, given: Sequence[str]) -> Identity:
    """Know the bearer of a token."""
    scheme, _, text = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise invalid_token()
    return await context(request).identification.by_token(text.strip(" "))


async def by_cookie(request: Request, cookie: str) -> Identity:
    """Know somebody by the session that a cookie belongs to."""
    session = await context(request).identification.session_by_cookie(cookie)
    if session is None:
        raise Unauthenticated("authentication_required", "The session has ended. Log in again.")
    if request.method not in SAFE:
        refuse_other_sites(request)
        refuse_forged(request, cookie)
    return Identity(session.user_id, session.role, session_id=session.id)


CurrentUser = Annotated[Identity, Depends(current_user)]


async def admin(who: CurrentUser) -> Identity:
    """Let an admin in and nobody else."""
    if not who.is_admin:
        raise forbidden("Only an admin may do this.")
    return who


Admin = Annotated[Identity, Depends(admin)]
FOR_ADMINS = [Depends(admin)]  # for a route that need not know which admin it is

# ---------------------------------------------------------------- from where


def refuse_other_sites(request: Request) -> None:
    """Refuse what a browser says another site has sent; other clients say nothing of the kind."""
    origin = request.headers.get("origin")
    ours = context(request).public_url
    site = request.headers.get("sec-fetch-site", "none")
    if (origin is not None and origin != ours) or site not in {"same-origin", "none"}:
        raise Problem(403, "cross_site_request", f"Send this from {ours}.")


def refuse_forged(request: Request, cookie: str) -> None:
    """Refuse a request whose sender has the cookie sent along and cannot read our answers.

    The session's CSRF token is made from its cookie, which no script can read, and told in the
    answer to the login, which no other site's script can.
    """
    given = request.headers.get("x-csrf-token")
    if given is None:
        raise Problem(403, "csrf_token_missing", "With a cookie, send X-CSRF-Token too.")
    if not hmac.compare_digest(given.encode(), csrf_token(cookie).encode()):
        raise Problem(403, "invalid_csrf_token", "This is not the session's CSRF token.")


# ---------------------------------------------------------------- at the start


def refuse_unguarded(app: FastAPI) -> None:
    """Refuse to start with a route that nobody has decided about, or that nobody can see."""
    for part in app.routes:
        if not isinstance(part, Route) and getattr(part, "path", None) not in FOLDERS:
            kind = type(part).__name__
            raise RuntimeError(f"Nobody can tell whom {kind} lets in. Add its routes one by one.")
    for method, route in operations(app):
        if (method, route.path) not in PUBLIC and not asks_who(route):
            raise RuntimeError(
                f"{method} {route.path} lets anybody in. Give it a parameter of the type "
                "CurrentUser or Admin, or put it into auth.PUBLIC."
            )


def document_guards(app: FastAPI, document: dict[str, Any]) -> None:
    """Tell readers of /openapi.json which operations need an identity, and how they refuse."""
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION},
    }
    for method, route in operations(app):
        if asks_who(route):
            operation = document["paths"][route.path][method.lower()]
            operation["security"] = [{"token": []}, {"cookie": []}]
            # With a cookie, whatever changes something can also be refused as forged.
            refusals = (401,) if method in SAFE and not asks_for_admin(route) else (401, 403)
            documented = problems(*refusals)
            operation["responses"].update({str(each): documented[each] for each in refusals})


def operations(app: FastAPI) -> Iterator[tuple[str, Route]]:
    """List what can be asked of the service; HEAD is GET without the body."""
    for route in app.routes:
        if isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield method, route


def asks_who(route: Route) -> bool:
    """Tell whether a route needs an identity."""
    return isinstance(route, APIRoute) and current_user in called_by(route.dependant)


def asks_for_admin(route: Route) -> bool:
    """Tell whether a route lets only admins in."""
    return isinstance(route, APIRoute) and admin in called_by(route.dependant)


def called_by(dependant: Dependant) -> Iterator[object]:
    """Walk through all that a route depends on."""
    for each in dependant.dependencies:
        yield each.call
        yield from called_by(each)
