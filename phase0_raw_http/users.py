"""The routes of /users: from a request to the store, and from its answer to a response."""

from dataclasses import asdict
from http import HTTPStatus

from .http_message import Request, Response, json_response
from .request_data import read_fields, read_id, read_patch, read_query
from .store import Store
from .validation import USER, USER_LIST


def list_users(store: Store, request: Request) -> Response:
    """Answer GET /users."""
    return json_response(HTTPStatus.OK, asdict(store.list_users(**read_query(request, USER_LIST))))


def create_user(store: Store, request: Request) -> Response:
    """Answer POST /users."""
    user = store.create_user(**read_fields(request, USER))
    return json_response(HTTPStatus.CREATED, asdict(user), Location=f"/users/{user.id}")


def get_user(store: Store, request: Request, user_id: str) -> Response:
    """Answer GET /users/{id}."""
    del request
    return json_response(HTTPStatus.OK, asdict(store.get_user(read_id(user_id, "user"))))


def replace_user(store: Store, request: Request, user_id: str) -> Response:
    """Answer PUT /users/{id}."""
    fields = read_fields(request, USER)
    return json_response(
        HTTPStatus.OK, asdict(store.update_user(read_id(user_id, "user"), **fields))
    )


def patch_user(store: Store, request: Request, user_id: str) -> Response:
    """Answer PATCH /users/{id}."""
    changes = read_patch(request, USER)
    return json_response(
        HTTPStatus.OK, asdict(store.update_user(read_id(user_id, "user"), **changes))
    )


def delete_user(store: Store, request: Request, user_id: str) -> Response:
    """Answer DELETE /users/{id}."""
    del request
    store.delete_user(read_id(user_id, "user"))
    return Response(HTTPStatus.NO_CONTENT)
