"""Every way to say no over HTTP: one shape (RFC 9457), and one table from refusal to status."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Route

from ..domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    InvalidQuestion,
    InvalidToken,
    KeyReused,
    NotFound,
    RateLimited,
    ShopError,
    Unauthenticated,
    Unavailable,
    invalid_payload,
    invalid_query,
    not_found,
)
from .rate_limit import headers_of

STATUS: dict[type[ShopError], int] = {
    InvalidQuestion: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Invalid: 422,
    KeyReused: 422,
    RateLimited: 429,
    Unavailable: 503,
}


class Problem(HTTPException):
    """An answer other than success; `code` is for programs and stable, `detail` is for people.

    What only HTTP can get wrong is raised as one; the shop's refusals become one at the door.
    Deriving from HTTPException lets it pass through FastAPI's reading of a body unharmed.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Iterable[FieldError] = (),
        headers: dict[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(status, detail, headers)
        self.code = code
        self.errors = list(errors)
        self.members = members  # further ones of the body, for this kind of problem


def problem_of(refusal: ShopError) -> Problem:
    """Put a refusal into HTTP's words."""
    return Problem(
        status_of(refusal),
        refusal.code,
        refusal.detail,
        refusal.errors,
        headers_for(refusal),
        **refusal.members,
    )


def status_of(refusal: ShopError) -> int:
    """Look up the status of a refusal, or of what it is a kind of; none is our own bug."""
    for kind in type(refusal).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    raise refusal


def headers_for(refusal: ShopError) -> dict[str, str]:
    """Say in headers when to come back, and how to be known (RFC 6750, 3)."""
    headers: dict[str, str] = {}
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, RateLimited):
        headers |= headers_of(refusal.left)
    if isinstance(refusal, Unauthenticated):
        error = ', error="invalid_token"' if isinstance(refusal, InvalidToken) else ""
        headers["WWW-Authenticate"] = f'Bearer realm="shop"{error}'
    return headers


def invalid_header(name: str, error: dict[str, Any]) -> Problem:
    """400: a header is missing, or has a value that makes no sense."""
    word = name.lower().replace("-", "_")
    if error["type"] == "missing":
        return Problem(400, f"{word}_missing", f"This request needs the header {name}.")
    return Problem(400, f"invalid_{word}", f"{name}: {error['msg']}.")


def install(app: FastAPI) -> None:
    """Let every error of these kinds leave as problem+json, from wherever it is raised."""
    handlers: dict[type[Exception], Any] = {
        HTTPException: answer_http_exception,
        RequestValidationError: answer_invalid_request,
        ShopError: answer_refusal,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def answer_refusal(request: Request, refusal: ShopError) -> Response:
    """Answer what the shop refuses."""
    return problem_response(request.scope["path"], problem_of(refusal))


async def answer_http_exception(request: Request, error: HTTPException) -> Response:
    """Answer a Problem as it is, and what the framework raises in the same shape."""
    if isinstance(error, Problem):
        return problem_response(request.scope["path"], error)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return answer_other_method(request)
    path = request.scope["path"]
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(path, Problem(404, "not_found", "There is nothing at this path."))
    broken_off = Problem(error.status_code, "malformed_request", "The request broke off.")
    return problem_response(path, broken_off)


def answer_other_method(request: Request) -> Response:
    """Answer a method that the path lacks; OPTIONS asks the very question that a 405 answers."""
    allow = allowed_methods(request)
    if request.method == "OPTIONS":
        return Response(status_code=204, headers={"Allow": allow})
    detail = f"This path answers {allow}."
    problem = Problem(405, "method_not_allowed", detail, headers={"Allow": allow})
    return problem_response(request.scope["path"], problem)


async def answer_invalid_request(request: Request, error: RequestValidationError) -> Response:
    """Answer by where the mistake is: in the path 404, in query or header 400, in the body 422."""
    found = error.errors()
    where = found[0]["loc"][0]
    if where == "path":
        parameter = str(found[0]["loc"][1])
        resource = parameter.removesuffix("_id")
        problem = problem_of(not_found(resource, request.path_params[parameter]))
    elif where == "header":
        problem = invalid_header(str(found[0]["loc"][1]), found[0])
    else:
        errors = [field_error(each) for each in found]
        problem = problem_of(invalid_query(errors) if where == "query" else invalid_payload(errors))
    return problem_response(request.scope["path"], problem)


def field_error(error: dict[str, Any]) -> FieldError:
    """Translate one of pydantic's errors; its `loc` begins with "body" or "query"."""
    return {"field": ".".join(map(str, error["loc"][1:])) or "body", "message": error["msg"]}


def allowed_methods(request: Request) -> str:
    """List what the path answers: several routes may share it, and each knows only its own."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    here = [route for route in routes if route.path_regex.match(request.scope["path"])]
    methods = {"OPTIONS"}.union(*(route.methods or () for route in here))
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))


def problem_response(path: str, problem: Problem) -> Response:
    """Build the body that RFC 9457 describes, with our `code` and `errors` beside its members."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": problem.detail,
        "instance": path,
        "code": problem.code,
    }
    if problem.errors:
        body["errors"] = problem.errors
    body.update(problem.members)
    return Response(to_json(body), problem.status_code, problem.headers, "application/problem+json")


# ---------------------------------------------------------------- for /openapi.json

BODY = (400, 413, 415, 422)  # what can be wrong with any body

PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "An error (RFC 9457).",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the errors of a route; 503 belongs to all that use the database."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in (*statuses, 503)
    }
