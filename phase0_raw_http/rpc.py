"""The same service as JSON-RPC 2.0: one address, and the verb is a method's name in the body.

Side by side with the routes of /users and /posts: REST names things and has HTTP say what to do
with them and how it went, so that every proxy and tool can follow. RPC names actions; HTTP only
carries them, and answers 200 even to a call that failed.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, cast

from .errors import ServiceError
from .http_message import Request, Response, json_response
from .request_data import read_json
from .store import Store
from .validation import ID, POST, POST_LIST, USER, USER_LIST, Check, find_errors

log = logging.getLogger(__name__)

PARSE_ERROR = (-32700, "Parse error")
INVALID_REQUEST = (-32600, "Invalid Request")
METHOD_NOT_FOUND = (-32601, "Method not found")
INVALID_PARAMS = (-32602, "Invalid params")
INTERNAL_ERROR = (-32603, "Internal error")
NOT_FOUND = -32004
CONFLICT = -32009
MOST_CALLS = 20
"""A batch multiplies: each call of a small request may ask for a long list."""

APPLICATION_ERRORS = {
    "user_not_found": NOT_FOUND,
    "post_not_found": NOT_FOUND,
    "email_taken": CONFLICT,
    "user_has_posts": CONFLICT,
}


@dataclass(frozen=True, slots=True)
class Method:
    """What a method does, and the params it takes: in this order when they come as a list."""

    run: Callable[..., object]
    checks: Mapping[str, Check]
    required: tuple[str, ...] = ()


ONE = {"id": ID}
METHODS = {
    "users.list": Method(Store.list_users, USER_LIST),
    "users.get": Method(Store.get_user, ONE, ("id",)),
    "users.create": Method(Store.create_user, USER, tuple(USER)),
    "users.replace": Method(Store.update_user, ONE | USER, ("id", *USER)),
    "users.update": Method(Store.update_user, ONE | USER, ("id",)),
    "users.delete": Method(Store.delete_user, ONE, ("id",)),
    "posts.list": Method(Store.list_posts, POST_LIST),
    "posts.get": Method(Store.get_post, ONE, ("id",)),
    "posts.create": Method(Store.create_post, POST, tuple(POST)),
    "posts.replace": Method(Store.update_post, ONE | POST, ("id", *POST)),
    "posts.update": Method(Store.update_post, ONE | POST, ("id",)),
    "posts.delete": Method(Store.delete_post, ONE, ("id",)),
}
DOCUMENTATION = "\n".join(
    [
        f"JSON-RPC methods, params by name or in this order (at most {MOST_CALLS} calls a batch):",
        "",
        *(f"{name:<14} {', '.join(method.checks)}" for name, method in METHODS.items()),
        "",
    ]
)


class CallError(Exception):
    """A call that failed; becomes the member "error" of its answer."""

    def __init__(self, reason: tuple[int, str], data: object = None) -> None:
        super().__init__(reason[1])
        self.reason = reason
        self.data = data


def answer(store: Store, request: Request) -> Response:
    """Answer POST /rpc: one call, or a batch of them."""
    try:
        replies = answer_all(store, read_calls(request))
    except CallError as error:
        replies = failure(None, error)
    if not replies:  # notifications ask for no reply at all
        return Response(HTTPStatus.NO_CONTENT)
    return json_response(HTTPStatus.OK, replies)


def read_calls(request: Request) -> object:
    """Return the body; what is no JSON is an error of RPC here, no longer one of HTTP."""
    try:
        return read_json(request, "application/json")
    except ServiceError as error:
        if error.code != "malformed_json":
            raise
        raise CallError(PARSE_ERROR, error.detail) from None


def answer_all(store: Store, calls: object) -> object:
    """Answer a single call with an object, a batch with a list of those that want a reply."""
    if not isinstance(calls, list):
        return answer_one(store, calls)
    batch = cast("list[object]", calls)
    if not 1 <= len(batch) <= MOST_CALLS:
        raise CallError(INVALID_REQUEST, f"A batch has 1 to {MOST_CALLS} calls.")
    return [reply for call in batch if (reply := answer_one(store, call)) is not None]


def answer_one(store: Store, call: object) -> dict[str, object] | None:
    """Answer one call; None for a notification, which is a valid call without an id."""
    if not is_call(call):
        return failure(None, CallError(INVALID_REQUEST))
    request = cast("dict[str, Any]", call)
    try:
        result = run(store, request["method"], request.get("params", {}))
        reply: dict[str, object] = {"jsonrpc": "2.0", "result": result, "id": request.get("id")}
    except CallError as error:
        reply = failure(request.get("id"), error)
    return reply if "id" in request else None


def is_call(call: object) -> bool:
    """Tell whether `call` has the members that the specification asks for."""
    match call:
        case {"jsonrpc": "2.0", "method": str()}:
            members = cast("dict[str, object]", call)
        case _:
            return False
    identifier, params = members.get("id"), members.get("params", {})
    return (
        (identifier is None or isinstance(identifier, str | int | float))
        and not isinstance(identifier, bool)
        and isinstance(params, dict | list)
    )


def run(store: Store, name: str, params: dict[str, Any] | list[Any]) -> object:
    """Call a method, and word whatever goes wrong as RPC does."""
    if name not in METHODS:
        raise CallError(METHOD_NOT_FOUND, f"There is no method {name}; see /docs.")
    method = METHODS[name]
    values = check_params(method, params)
    identifiers = [values.pop("id")] if "id" in values else []
    try:
        result = method.run(store, *identifiers, **values)
    except ServiceError as error:
        if error.code not in APPLICATION_ERRORS:
            raise CallError(INVALID_PARAMS, {"errors": error.errors}) from None
        raise CallError(
            (APPLICATION_ERRORS[error.code], error.detail), {"code": error.code}
        ) from None
    except Exception:
        log.exception("rpc.failed method=%s", name)
        raise CallError(INTERNAL_ERROR) from None
    return None if result is None else asdict(cast("Any", result))


def check_params(method: Method, params: dict[str, Any] | list[Any]) -> dict[str, Any]:
    """Return the params by name, once they are what the method takes."""
    if isinstance(params, list):
        if len(params) > len(method.checks):
            message = f"at most {len(method.checks)} are taken"
            raise CallError(INVALID_PARAMS, {"errors": [{"field": "params", "message": message}]})
        params = dict(zip(method.checks, params, strict=False))
    if errors := find_errors(params, method.checks, method.required):
        raise CallError(INVALID_PARAMS, {"errors": errors})
    return params


def failure(identifier: object, error: CallError) -> dict[str, object]:
    """Word the answer to a call that failed."""
    code, message = error.reason
    described: dict[str, object] = {"code": code, "message": message}
    if error.data is not None:
        described["data"] = error.data
    return {"jsonrpc": "2.0", "error": described, "id": identifier}
