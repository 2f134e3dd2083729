"""The client that checks speak through: one request, one answer, nothing hidden or repeated."""

from __future__ import annotations

import json as json_format
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx

from .exchange import (
    Answer,
    Exchange,
    Headers,
    Mismatch,
    NoAnswer,
    Overdue,
    RawRequest,
    Request,
    ascii_target,
)
from .gate import hold_back, take_gate
from .raw import Oversize, answers_in, converse, refuse_oversize

TIMEOUT = 10.0
"""Seconds that one request may take."""

_IDLE = 1.0
"""A connection idle for longer isn't used again: the server may be about to close it."""

_thread = threading.local()

Params = Mapping[str, object] | Sequence[tuple[str, object]]
Extra = Mapping[str, str] | None


class Api:
    """Speaks to the server under test and remembers each exchange.

    Requests go out once: a retry would hide a server that fails now and then.
    """

    def __init__(self, base_url: str, timeout: float = TIMEOUT) -> None:
        self.base_url = base_url.rstrip("/")
        address = urlsplit(self.base_url)
        self.host = address.hostname or ""
        self.port = address.port or 80
        self.timeout = timeout
        self.exchanges: list[Exchange] = []
        self._lock = threading.Lock()
        self._client = _new_client()
        self.headers: Mapping[str, str] = {}  # sent with each request that names no other

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Return a twin that sends these, too; it shares our connections and our memory."""
        twin = copy(self)
        twin.headers = _merged(self.headers, headers)
        return twin

    def get(self, path: str, params: Params = (), headers: Extra = None) -> Answer:
        """GET a path."""
        return self.request("GET", path, params, headers)

    def head(self, path: str, params: Params = (), headers: Extra = None) -> Answer:
        """HEAD a path."""
        return self.request("HEAD", path, params, headers)

    def options(self, path: str, params: Params = (), headers: Extra = None) -> Answer:
        """Ask for a path's OPTIONS."""
        return self.request("OPTIONS", path, params, headers)

    def delete(self, path: str, params: Params = (), headers: Extra = None) -> Answer:
        """DELETE a path."""
        return self.request("DELETE", path, params, headers)

    def post(
        self, path: str, *, json: object = ..., content: bytes = b"", headers: Extra = None
    ) -> Answer:
        """POST a JSON value, or bytes as they are."""
        return self.request("POST", path, (), *_with_body(json, content, headers))

    def put(
        self, path: str, *, json: object = ..., content: bytes = b"", headers: Extra = None
    ) -> Answer:
        """PUT a JSON value, or bytes as they are."""
        return self.request("PUT", path, (), *_with_body(json, content, headers))

    def patch(
        self, path: str, *, json: object = ..., content: bytes = b"", headers: Extra = None
    ) -> Answer:
        """PATCH with a JSON value, or bytes as they are."""
        return self.request("PATCH", path, (), *_with_body(json, content, headers))

    def request(
        self,
        method: str,
        path: str,
        params: Params = (),
        headers: Extra = None,
        content: bytes = b"",
    ) -> Answer:
        """Send any method; the path goes into the request line as written."""
        query = urlencode(params, doseq=True, quote_via=quote, errors="surrogatepass")
        target = ascii_target(path + (f"?{query}" if query else ""))
        request = Request(self.base_url, method, target, _merged(self.headers, headers), content)
        try:
            response, content = self._send(request)
        except httpx.TimeoutException:
            words = f"no answer to {method} {request.path} within {self.timeout:g} s"
            raise self._unanswered(request, Overdue(words)) from None
        except httpx.HTTPError as error:
            words = f"no usable answer to {method} {request.path}: {_reason(error)}"
            raise self._unanswered(request, NoAnswer(words)) from None
        except Oversize as oversize:
            raise self._unanswered(request, Mismatch(str(oversize))) from None
        return self._answered(
            Answer(response.status_code, Headers(response.headers.multi_items()), content, request)
        )

    def raw(self, data: bytes, *, timeout: float = TIMEOUT) -> list[Answer]:
        """Send bytes on a connection of their own and parse all answers until close or timeout."""
        request = RawRequest(self.host, self.port, data)
        try:
            received = converse(self.host, self.port, data, timeout)
        except Oversize as oversize:
            raise self._unanswered(request, Mismatch(str(oversize))) from None
        except OSError as error:
            raise self._unanswered(request, Mismatch(f"cannot connect: {error}")) from None
        try:
            answers = answers_in(received, request)
        except Mismatch as mismatch:
            raise self._unanswered(request, mismatch) from None
        for answer in answers:
            self._answered(answer)
        if not answers:
            self._record(Exchange(request, "no answer"))
        return answers

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _send(self, request: Request) -> tuple[httpx.Response, bytes]:
        """Send a request; read its answer by the piece, because the server decides how long."""
        client: httpx.Client = getattr(_thread, "client", self._client)
        built = client.build_request(
            request.method,
            httpx.URL(self.base_url),
            headers=request.headers,
            content=request.content or None,
            timeout=self.timeout,
            extensions={"target": request.target.encode("ascii")},
        )
        if gate := take_gate():
            hold_back(built, gate)
        response = client.send(built, stream=True)
        try:
            return response, _read(response)
        finally:
            response.close()

    def _answered(self, answer: Answer) -> Answer:
        self._record(Exchange(answer.request, answer))
        return answer

    def _unanswered(self, request: Request | RawRequest, mismatch: Mismatch) -> Mismatch:
        self._record(Exchange(request, str(mismatch)))
        return mismatch

    def _record(self, exchange: Exchange) -> None:
        with self._lock:
            self.exchanges.append(exchange)


@contextmanager
def own_connections() -> Generator[None]:
    """Let this thread's requests go over connections of its own.

    A pool that threads share may close a connection as idle for too long that it has just given to
    one of them.
    """
    with _new_client() as _thread.client:
        try:
            yield
        finally:
            del _thread.client


def _new_client() -> httpx.Client:
    return httpx.Client(
        trust_env=False,  # a proxy from the environment has no place between check and server
        verify=False,  # noqa: S501 - it is plain HTTP, and reading certificates takes long
        limits=httpx.Limits(max_connections=None, keepalive_expiry=_IDLE),
        headers={"Accept-Encoding": "identity", "User-Agent": "course-grader"},
    )


def _read(response: httpx.Response) -> bytes:
    content = bytearray()
    for piece in response.iter_raw():
        content += piece
        refuse_oversize(len(content))
    return bytes(content)


def _merged(always: Mapping[str, str], given: Extra) -> Mapping[str, str]:
    named = {name.lower() for name in given or {}}
    kept = {name: text for name, text in always.items() if name.lower() not in named}
    return {**kept, **(given or {})}


def _with_body(json: object, content: bytes, headers: Extra) -> tuple[Extra, bytes]:
    if json is ...:
        return headers, content
    given = dict(headers or {})
    if not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    return given, json_bytes(json)


def json_bytes(value: Any) -> bytes:  # noqa: ANN401 - JSON is anything
    """Write JSON readably, and with escapes where UTF-8 has no form for it (lone surrogates)."""
    try:
        return json_format.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json_format.dumps(value).encode()


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "nothing listens there (any more)"
    if isinstance(error, httpx.RemoteProtocolError):
        return f"the connection was closed or the bytes are not HTTP ({error})"
    return str(error) or type(error).__name__
