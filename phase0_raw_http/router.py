"""The router: which function answers which method on which path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from .errors import ServiceError
from .http_message import RequestLine, Response

Handler = Callable[..., Response]
"""Called with the store, the request, and one text for each {name} in the route's path."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table of routes."""

    method: str
    path: str  # /users/{id}
    handler: Handler
    summary: str

    def match(self, segments: Sequence[str]) -> list[str] | None:
        """Return what stands in place of each {name}, or None if the path is another one."""
        pattern = self.path.split("/")[1:]
        if len(pattern) != len(segments):
            return None
        pairs = list(zip(pattern, segments, strict=True))
        if any(part != segment for part, segment in pairs if not is_name(part)):
            return None
        return [segment for part, segment in pairs if is_name(part)]


def is_name(part: str) -> bool:
    """Tell a {name} from a fixed part of a path."""
    return part.startswith("{")


class Router:
    """Goes through the routes one by one: with a few dozen, nothing cleverer is faster."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = routes
        self._known = allowed({route.method for route in routes})

    def find(self, line: RequestLine) -> tuple[Handler, list[str]]:
        """Return the function that answers, and its arguments out of the path.

        Each way of finding none has an answer of its own: a method that nobody here knows (501),
        a path that nobody knows (404), a path that knows other methods (405, and which).
        """
        if line.method not in self._known:
            raise ServiceError("not_implemented", f"No route here answers {line.method}.")
        if line.path == "*":
            return options(self._known), []
        matches = {
            route.method: (route.handler, arguments)
            for route in self.routes
            if (arguments := route.match(line.segments)) is not None
        }
        if not matches:
            raise ServiceError("not_found", f"Nothing is at {line.path}; see /docs.")
        return choose(line.method, matches)


def choose(method: str, matches: dict[str, tuple[Handler, list[str]]]) -> tuple[Handler, list[str]]:
    """Pick the method among those of one path; HEAD and OPTIONS come with every path."""
    methods = allowed(set(matches))
    if method == "OPTIONS":
        return options(methods), []
    if method == "HEAD" and "GET" in matches:
        return matches["GET"]  # the server leaves the body away
    if method not in matches:
        allow = ", ".join(methods)
        raise ServiceError(
            "method_not_allowed", f"Only {allow} work here.", headers={"Allow": allow}
        )
    return matches[method]


def allowed(methods: set[str]) -> list[str]:
    """Return all methods that work where these are routed, in the order people list them."""
    works = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set[str]())
    return [method for method in METHODS if method in works]


def options(methods: Sequence[str]) -> Handler:
    """Make the answer to OPTIONS."""
    return lambda *_: Response(HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(methods)})
