"""Cookies: read so that nobody can slip one in, and set so that nobody else can read them."""

from base64 import urlsafe_b64encode
from datetime import timedelta

from fastapi import Request, Response

from ..domain.sessions import digest

SESSION = "__Host-session"
"""Browsers keep to the prefix: set over TLS only, and by this very host (RFC 6265bis, 4.1.3.2)."""
LOGIN = "__Host-oauth"


def csrf_token(cookie: str) -> str:
    """Make a session's CSRF token out of its cookie; there is no way back, and nothing to keep."""
    return urlsafe_b64encode(digest(f"csrf {cookie}")).decode().rstrip("=")


def given_cookie(request: Request, name: str) -> str:
    """Return a cookie of this very name; "" if there is none, or more than one.

    Another host of our domain can set cookies that come here as well. The prefix __Host- is to keep
    it from setting this one. But Starlette takes white space of any kind off a name, and of two
    alike the last: the name behind a no-break space, which browsers let through, would pass for it.
    """
    lines = ";".join(request.headers.getlist("cookie")).split(";")
    pairs = [line.strip(" \t").partition("=") for line in lines]
    values = [value for called, _, value in pairs if called == name]
    return values[0] if len(values) == 1 else ""


def set_cookie(response: Response, cookie: str, lifetime: timedelta) -> None:
    """Hand a cookie to the browser: no script can read it, no other site's form can send it."""
    response.set_cookie(
        SESSION,
        cookie,
        max_age=round(lifetime.total_seconds()),
        secure=True,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response) -> None:
    """Tell the browser to forget the cookie, which opens nothing any more."""
    set_cookie(response, "", timedelta())
