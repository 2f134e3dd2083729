"""The two HTTP messages: a request as the routes see it, a response and its bytes on the wire."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus

SERVER_NAME = "phase0"
"""No version: it would only tell an attacker which known holes to try first."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """`GET /users/7?limit=5 HTTP/1.1`, taken apart and decoded."""

    method: str
    path: str  # as it was sent: /caf%C3%A9/1
    segments: tuple[str, ...]  # split at the slashes, then decoded: ("café", "1")
    query: tuple[tuple[str, str], ...]  # in order, because a name may come twice
    version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Request:
    """A complete request. Header names are lower-case; repeated headers are joined by commas."""

    line: RequestLine
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def keep_alive(self) -> bool:
        """HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 the other way round."""
        options = [word.strip() for word in self.headers.get("connection", "").lower().split(",")]
        if "close" in options:
            return False
        return self.line.version >= (1, 1) or "keep-alive" in options


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answers; everything that belongs to the connection is added when it is sent."""

    status: HTTPStatus
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def close(self) -> bool:
        """Whether this is to be the last answer on its connection."""
        return self.headers.get("Connection") == "close"


Application = Callable[[Request], Response]
"""What both servers serve: any function from a request to a response."""


def encode_json(value: object) -> bytes:
    r"""Write `value` as readable UTF-8 JSON.

    A lone surrogate (half of a character, possible in a JSON string as an escape) has no UTF-8
    form. "backslashreplace" writes it as `\ud83d`: just the escape that JSON has for it.
    """
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")


def json_response(status: HTTPStatus, value: object, **headers: str) -> Response:
    """Answer `value` as JSON; `headers` by their names, such as `Location="/users/7"`."""
    return Response(status, encode_json(value), {"Content-Type": "application/json", **headers})


def encode_response(response: Response, *, head_only: bool, close: bool) -> bytes:
    """Write the response as it goes over the wire, in one piece.

    The answer to HEAD (`head_only`) names the length of the body that GET would have sent, and
    stops there. A 204 has no body by definition and must not name a length (RFC 9110, 8.6).
    """
    headers = {"Date": formatdate(usegmt=True), "Server": SERVER_NAME, **response.headers}
    if response.status != HTTPStatus.NO_CONTENT:
        headers["Content-Length"] = str(len(response.body))
    headers["Connection"] = "close" if close else "keep-alive"
    lines = [f"HTTP/1.1 {response.status.value} {response.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head if head_only else head + response.body
