"""The routes of /posts: from a request to the store, and from its answer to a response."""

from dataclasses import asdict
from http import HTTPStatus

from .http_message import Request, Response, json_response
from .request_data import read_fields, read_id, read_patch, read_query
from .store import Store
from .validation import POST, POST_LIST


def list_posts(store: Store, request: Request) -> Response:
    """Answer GET /posts."""
    return json_response(HTTPStatus.OK, asdict(store.list_posts(**read_query(request, POST_LIST))))


def create_post(store: Store, request: Request) -> Response:
    """Answer POST /posts."""
    post = store.create_post(**read_fields(request, POST))
    return json_response(HTTPStatus.CREATED, asdict(post), Location=f"/posts/{post.id}")


def get_post(store: Store, request: Request, post_id: str) -> Response:
    """Answer GET /posts/{id}."""
    del request
    return json_response(HTTPStatus.OK, asdict(store.get_post(read_id(post_id, "post"))))


def replace_post(store: Store, request: Request, post_id: str) -> Response:
    """Answer PUT /posts/{id}."""
    fields = read_fields(request, POST)
    return json_response(
        HTTPStatus.OK, asdict(store.update_post(read_id(post_id, "post"), **fields))
    )


def patch_post(store: Store, request: Request, post_id: str) -> Response:
    """Answer PATCH /posts/{id}."""
    changes = read_patch(request, POST)
    return json_response(
        HTTPStatus.OK, asdict(store.update_post(read_id(post_id, "post"), **changes))
    )


def delete_post(store: Store, request: Request, post_id: str) -> Response:
    """Answer DELETE /posts/{id}."""
    del request
    store.delete_post(read_id(post_id, "post"))
    return Response(HTTPStatus.NO_CONTENT)
