"""The application: the table of all routes, and one function from a request to a response."""

import logging
from http import HTTPStatus

from . import posts, rpc, users
from .errors import ServiceError
from .http_message import Request, Response, json_response
from .problems import problem
from .router import Route, Router
from .store import Store

log = logging.getLogger(__name__)


def healthz(store: Store, request: Request) -> Response:
    """Answer GET /healthz: the process is alive."""
    del store, request
    return json_response(HTTPStatus.OK, {"status": "ok"})


def readyz(store: Store, request: Request) -> Response:
    """Answer GET /readyz: nothing else is needed to serve, so alive is ready."""
    del store, request
    return json_response(HTTPStatus.OK, {"status": "ready"})


def docs(store: Store, request: Request) -> Response:
    """Answer GET /docs out of the table itself, which cannot be out of date."""
    del store, request
    lines = [f"{route.method:<7} {route.path:<12} {route.summary}" for route in ROUTES]
    page = "\n".join(["Users and posts over HTTP", "", *lines, "", rpc.DOCUMENTATION])
    return Response(HTTPStatus.OK, page.encode(), {"Content-Type": "text/plain; charset=utf-8"})


ROUTES = (
    Route("GET", "/users", users.list_users, "list: ?name= &email= &sort= &limit= &offset="),
    Route("POST", "/users", users.create_user, "add: name, email"),
    Route("GET", "/users/{id}", users.get_user, "one user"),
    Route("PUT", "/users/{id}", users.replace_user, "replace: name, email"),
    Route("PATCH", "/users/{id}", users.patch_user, "change some of: name, email"),
    Route("DELETE", "/users/{id}", users.delete_user, "remove, if there are no posts"),
    Route("GET", "/posts", posts.list_posts, "list: ?user_id= &title= &sort= &limit= &offset="),
    Route("POST", "/posts", posts.create_post, "add: user_id, title, body"),
    Route("GET", "/posts/{id}", posts.get_post, "one post"),
    Route("PUT", "/posts/{id}", posts.replace_post, "replace: user_id, title, body"),
    Route("PATCH", "/posts/{id}", posts.patch_post, "change some of: user_id, title, body"),
    Route("DELETE", "/posts/{id}", posts.delete_post, "remove"),
    Route("POST", "/rpc", rpc.answer, "the same as JSON-RPC 2.0, see below"),
    Route("GET", "/healthz", healthz, "is the process alive?"),
    Route("GET", "/readyz", readyz, "can it serve?"),
    Route("GET", "/docs", docs, "this page"),
)


class UsersAndPosts:
    """Routes requests to functions; whatever happens there, a response comes out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._router = Router(ROUTES)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        path = request.line.path
        try:
            handler, arguments = self._router.find(request.line)
            return handler(self._store, request, *arguments)
        except ServiceError as error:
            return problem(error, path)
        except Exception:
            # The traceback is for us: it would tell a stranger about our insides.
            log.exception("request.failed method=%s path=%s", request.line.method, path)
            return problem(ServiceError("internal_error", "Something failed in here."), path)
