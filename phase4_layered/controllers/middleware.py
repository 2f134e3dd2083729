"""What surrounds every request: an id, a log line, security headers, a body limit, HEAD."""

import asyncio
import logging
import re
import secrets
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..domain.errors import overloaded
from .errors import Problem, problem_of, problem_response

log = logging.getLogger(__package__)

WELL_FORMED_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch

# A browser is not to guess types, show an answer inside another page, or tell where it came from.
SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
NO_STORE = (b"cache-control", b"no-store")


class Envelope:
    """One pure ASGI middleware for all of it.

    Each layer costs every request a function call per message and a scope to look through, and
    `BaseHTTPMiddleware` a task besides. These concerns meet at the same three moments: the request
    comes in, the response starts, the response is done.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        headers = dict(scope["headers"])
        request_id = headers.get(b"x-request-id", b"")
        if not WELL_FORMED_ID(request_id):
            request_id = secrets.token_hex(8).encode()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                added = headers_to_add(headers, message["headers"])
                message["headers"] += [(b"x-request-id", request_id), *added]
            await send(message)

        # HEAD is GET without the body, and the server withholds the body: only the route table
        # has to be told. The copy keeps the server's own idea of the method.
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        if b"content-length" in headers or b"transfer-encoding" in headers:
            receive = self.limited(receive)
        try:
            await self.app(inner, receive, send_with_headers)
        except asyncio.CancelledError:
            # The service is stopping, and the time to finish what was under way is up.
            if status:
                raise
            stopped = problem_of(overloaded("The service is stopping."))
            await problem_response(scope["path"], stopped)(inner, receive, send_with_headers)
        except Exception:
            log.exception("http.crash request_id=%s", request_id.decode())
            if not status:
                oops = Problem(500, "internal_error", "The service has a bug. It was logged.")
                await problem_response(scope["path"], oops)(inner, receive, send_with_headers)
        finally:
            log.info(
                "http.request method=%s path=%s route=%s status=%d ms=%.2f request_id=%s",
                scope["method"],
                scope["raw_path"].decode("ascii", "backslashreplace"),
                getattr(inner.get("route"), "path", "-"),
                status,
                (perf_counter() - began) * 1000,
                request_id.decode(),
            )

    def limited(self, receive: Receive) -> Receive:
        """Count the body as it streams in; what its Content-Length says may be absent or a lie."""
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_body_bytes:
                detail = f"The body may have {self.max_body_bytes} bytes."
                raise Problem(413, "body_too_large", detail)
            return message

        return receive_counted


def headers_to_add(
    asked: dict[bytes, bytes], answered: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """Choose what goes with an answer besides its own headers.

    What is answered to somebody is for nobody else. No cache may keep it, not even the browser's:
    the next one to sit there could leaf through it.
    """
    private = b"authorization" in asked or b"cookie" in asked
    if private and all(name != b"cache-control" for name, _ in answered):
        return [*SECURITY_HEADERS, NO_STORE]
    return SECURITY_HEADERS
