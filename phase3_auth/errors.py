"""Every way to say no: one error, one shape (RFC 9457), one table from constraint to answer."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, TypedDict

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from psycopg import Error, IntegrityError, OperationalError
from psycopg.errors import (
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    QueryCanceled,
    ReadOnlySqlTransaction,
)
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Route


class FieldError(TypedDict):
    """What is wrong with one field of a body, or with one query parameter."""

    field: str
    message: str


class Problem(HTTPException):
    """An answer other than success; `code` is for programs and stable, `detail` is for people.

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


def not_found(resource: str, given: object) -> Problem:
    """404 for a resource ("user") of which there is none with this id."""
    return Problem(404, f"{resource}_not_found", f"There is no {resource} with the id {given}.")


def invalid_payload(errors: Iterable[FieldError]) -> Problem:
    """422: the body is JSON, but not what was asked for."""
    return Problem(422, "invalid_payload", "The body has invalid fields; see errors.", errors)


def invalid_query(errors: Iterable[FieldError]) -> Problem:
    """400: a query parameter is unknown, repeated, or has a value that makes no sense."""
    return Problem(400, "invalid_query", "The query has invalid parameters; see errors.", errors)


def invalid_header(name: str, error: dict[str, Any]) -> Problem:
    """400: a header is missing, or has a value that makes no sense."""
    word = name.lower().replace("-", "_")
    if error["type"] == "missing":
        return Problem(400, f"{word}_missing", f"This request needs the header {name}.")
    return Problem(400, f"invalid_{word}", f"{name}: {error['msg']}.")


def unauthorized(code: str, detail: str, error: str = "") -> Problem:
    """401: nobody we know is asking; the header says how to be known (RFC 6750, 3)."""
    challenge = f'Bearer realm="shop"{error}'
    return Problem(401, code, detail, headers={"WWW-Authenticate": challenge})


def invalid_token() -> Problem:
    """401: one answer for all that may be wrong with a token, or forgers would learn from it."""
    detail = "The access token is not valid, or not any more."
    return unauthorized("invalid_token", detail, ', error="invalid_token"')


def forbidden(detail: str) -> Problem:
    """403: we know who is asking, and this is not for them."""
    return Problem(403, "forbidden", detail)


def overloaded(detail: str) -> Problem:
    """503: the service is alive and has too much to do."""
    return Problem(503, "overloaded", f"{detail} Try again.", headers={"Retry-After": "1"})


def database_unavailable() -> Problem:
    """503: PostgreSQL is away; the pool keeps trying, so a later request may succeed."""
    detail = "The database cannot be reached. Try again."
    return Problem(503, "database_unavailable", detail, headers={"Retry-After": "2"})


def not_set_up() -> Problem:
    """503: PostgreSQL is there, and our tables are not."""
    detail = "The database has not been set up: load schema.sql into it."
    return Problem(503, "database_not_set_up", detail, headers={"Retry-After": "30"})


def _broken(field: str) -> Problem:
    return invalid_payload([{"field": field, "message": "The database refuses this value."}])


# A foreign key breaks in two ways: a row is written that points at nothing, or a row is deleted
# that others point at. PostgreSQL reports the same name for both, so the method tells them apart.
VIOLATIONS: dict[tuple[str, bool], Problem] = {
    # (constraint, by a DELETE?): answer
    ("users_email_key", False): Problem(409, "email_taken", "A user with this e-mail exists."),
    ("identities_user_id_issuer_key", False): Problem(
        403, "other_identity", "The login provider knew the owner of this account by another name."
    ),
    ("users_name_check", False): _broken("name"),
    ("users_email_check", False): _broken("email"),
    ("products_sku_key", False): Problem(409, "sku_taken", "A product with this SKU exists."),
    ("products_sku_check", False): _broken("sku"),
    ("products_name_check", False): _broken("name"),
    ("products_price_check", False): _broken("price"),
    # Below zero would be our own bug, as orders ask before they take. This is the upper end.
    ("products_stock_check", False): Problem(
        409, "stock_limit", "There would be more pieces of a product than can be counted."
    ),
    # Deleted while the order, or an admin's restock, was on its way.
    ("orders_user_id_fkey", False): invalid_token(),
    ("idempotency_keys_user_id_fkey", False): invalid_token(),
    ("orders_user_id_fkey", True): Problem(
        409, "user_has_orders", "This user has orders. The books have to be kept."
    ),
}


def install(app: FastAPI) -> None:
    """Let every error of these kinds leave as problem+json, from wherever it is raised."""
    handlers: dict[type[Exception], Any] = {
        HTTPException: answer_http_exception,
        RequestValidationError: answer_invalid_request,
        IntegrityError: answer_violation,
        OperationalError: answer_operational_error,
        # Classed by psycopg as internal; they are PostgreSQL's trouble all the same.
        IdleInTransactionSessionTimeout: answer_operational_error,
        ReadOnlySqlTransaction: answer_operational_error,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


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
        problem = not_found(parameter.removesuffix("_id"), request.path_params[parameter])
    elif where == "header":
        problem = invalid_header(str(found[0]["loc"][1]), found[0])
    else:
        errors = [field_error(each) for each in found]
        problem = invalid_query(errors) if where == "query" else invalid_payload(errors)
    return problem_response(request.scope["path"], problem)


def field_error(error: dict[str, Any]) -> FieldError:
    """Translate one of pydantic's errors; its `loc` begins with "body" or "query"."""
    return {"field": ".".join(map(str, error["loc"][1:])) or "body", "message": error["msg"]}


async def answer_violation(request: Request, error: IntegrityError) -> Response:
    """Answer a broken constraint by its name; one that is not in the table is our own bug.

    Then it goes to the log, without what PostgreSQL says besides: that is the whole row, with
    somebody's e-mail and password hash.
    """
    violated = (error.diag.constraint_name or "", request.method == "DELETE")
    if violated not in VIOLATIONS:
        error.args = (error.diag.message_primary,)
        raise error
    return problem_response(request.scope["path"], VIOLATIONS[violated])


async def answer_operational_error(request: Request, error: Error) -> Response:
    """Answer trouble that is PostgreSQL's own, and no fault of the request."""
    if isinstance(error, QueryCanceled):
        problem = overloaded("The query took too long.")
    elif isinstance(error, DeadlockDetected):
        problem = overloaded("Another request stood in the way of this one.")
    else:
        problem = database_unavailable()
    return problem_response(request.scope["path"], problem)


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
