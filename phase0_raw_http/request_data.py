"""What a request brings along: its JSON body and its query, read by hand and checked."""

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from .errors import FieldError, ServiceError, invalid_payload, invalid_query
from .http_message import Request
from .validation import HIGHEST_ID, Check, find_errors

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,18}")
NUMERIC_PARAMETERS = frozenset({"limit", "offset", "user_id"})


def read_fields(request: Request, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the body of POST or PUT: an object with every field, each of them right."""
    return check_object(read_json(request, JSON), checks, required=True)


def read_patch(request: Request, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the body of PATCH: an object with some of the fields (RFC 7396).

    In a merge patch null removes a field. Every field here is required, so null is an error.
    """
    return check_object(read_json(request, JSON, MERGE_PATCH), checks, required=False)


def check_object(value: object, checks: Mapping[str, Check], *, required: bool) -> dict[str, Any]:
    """Return `value` if it is an object whose fields pass the checks."""
    if not isinstance(value, dict):
        raise invalid_payload([{"field": "body", "message": "must be a JSON object"}])
    fields = cast("dict[str, Any]", value)
    if errors := find_errors(fields, checks, checks if required else ()):
        raise invalid_payload(errors)
    return fields


def read_json(request: Request, *accepted: str) -> object:
    """Return the body as Python values, once everything about it is as JSON must be."""
    headers = request.headers
    if "content-length" not in headers and "transfer-encoding" not in headers:
        # Without a length there is no body. Should one follow all the same, it would pass for
        # the next request: so this is the last answer on this connection.
        raise ServiceError(
            "length_required", "Send Content-Length or chunks.", headers={"Connection": "close"}
        )
    check_media_type(headers, accepted)
    return parse_json(request.body)


def check_media_type(headers: Mapping[str, str], accepted: tuple[str, ...]) -> None:
    """Insist on JSON in UTF-8, not compressed."""
    media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]*)", parameters)
    if media_type.strip() not in accepted or (charset and charset[1] not in {"utf-8", "utf8"}):
        wanted = " or ".join(accepted)
        raise ServiceError("unsupported_media_type", f"Content-Type must be {wanted}, in UTF-8.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ServiceError("unsupported_media_type", "Content-Encoding is not supported.")


def parse_json(body: bytes) -> object:
    """Parse JSON, which is a little less than what Python's parser takes by itself."""
    try:
        return json.loads(body.decode(), parse_constant=refuse, parse_float=finite)
    except UnicodeDecodeError:
        raise ServiceError("malformed_json", "The body must be UTF-8.") from None
    except json.JSONDecodeError as error:
        raise ServiceError("malformed_json", f"The body is not JSON: {error}.") from None
    except (ValueError, RecursionError):  # NaN, 1e999, a number of 5000 digits, [[[[[…
        raise ServiceError("malformed_json", "A number or a nesting beyond measure.") from None


def refuse(constant: str) -> object:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)


def finite(digits: str) -> float:
    """Refuse 1e999, which Python would read as infinite."""
    number = float(digits)
    if not isfinite(number):
        raise ValueError(digits)
    return number


def read_query(request: Request, checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return the parameters of the query, numbers as numbers, each given once and right."""
    values: dict[str, object] = {}
    twice: list[FieldError] = []
    for name, value in request.line.query:
        if name in values:
            twice.append({"field": name, "message": "is given twice"})
        numeric = name in NUMERIC_PARAMETERS and WHOLE_NUMBER.fullmatch(value)
        values[name] = int(value) if numeric else value
    if errors := twice + find_errors(values, checks):
        raise invalid_query(errors)
    return values


def read_id(text: str, kind: str) -> int:
    """Return the id in a path; what cannot be an id is the id of nothing."""
    if not re.fullmatch("[1-9][0-9]{0,18}", text) or int(text) > HIGHEST_ID:
        raise ServiceError(f"{kind}_not_found", f"There is no {kind} {text}.")
    return int(text)
