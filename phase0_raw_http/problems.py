"""Errors as HTTP answers: which status a code has, and its body as problem+json (RFC 9457)."""

from http import HTTPStatus

from .errors import ServiceError
from .http_message import Response, encode_json, encode_response

STATUS = {
    "malformed_request": HTTPStatus.BAD_REQUEST,
    "malformed_json": HTTPStatus.BAD_REQUEST,
    "invalid_query": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "user_not_found": HTTPStatus.NOT_FOUND,
    "post_not_found": HTTPStatus.NOT_FOUND,
    "method_not_allowed": HTTPStatus.METHOD_NOT_ALLOWED,
    "request_timeout": HTTPStatus.REQUEST_TIMEOUT,
    "email_taken": HTTPStatus.CONFLICT,
    "user_has_posts": HTTPStatus.CONFLICT,
    "length_required": HTTPStatus.LENGTH_REQUIRED,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "uri_too_long": HTTPStatus.REQUEST_URI_TOO_LONG,
    "unsupported_media_type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "expectation_failed": HTTPStatus.EXPECTATION_FAILED,
    "invalid_payload": HTTPStatus.UNPROCESSABLE_ENTITY,
    "headers_too_large": HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "internal_error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "not_implemented": HTTPStatus.NOT_IMPLEMENTED,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "version_not_supported": HTTPStatus.HTTP_VERSION_NOT_SUPPORTED,
}


def problem(error: ServiceError, instance: str) -> Response:
    """Answer with `error`; `instance` is the path of the request that met it."""
    status = STATUS[error.code]
    document: dict[str, object] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
    }
    if error.errors:
        document["errors"] = error.errors
    headers = {"Content-Type": "application/problem+json", **error.headers}
    return Response(status, encode_json(document), headers)


def overloaded() -> bytes:
    """Return the one answer that is given without having read a request, ready to be sent."""
    error = ServiceError(
        "overloaded",
        "All connections are at work; try again in a second.",
        headers={"Retry-After": "1"},
    )
    return encode_response(problem(error, "/"), head_only=False, close=True)
