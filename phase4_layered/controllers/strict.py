"""Requests that are refused where FastAPI alone would guess, coerce or look away."""

import json
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any, Never

from fastapi import Request, Response
from fastapi.routing import APIRoute

from ..domain.errors import invalid_query
from .errors import Problem

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


class StrictRoute(APIRoute):
    """A route that takes JSON as RFC 8259 has it, and only the query parameters it knows."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler, which parses, validates and calls the endpoint."""
        handle = super().get_route_handler()
        takes_query = bool(self.dependant.query_params)
        takes_body = self.body_field is not None

        async def handle_strictly(request: Request) -> Response:
            if request.scope["query_string"]:
                refuse_odd_parameters(request, takes_query=takes_query)
            if takes_body:
                request = JsonRequest(request.scope, request.receive)
            return await handle(request)

        return handle_strictly


def refuse_odd_parameters(request: Request, *, takes_query: bool) -> None:
    """Refuse a parameter given twice: every server would pick another of the two."""
    times = Counter(name for name, _ in request.query_params.multi_items())
    if not takes_query:
        raise invalid_query(
            {"field": name, "message": "This path takes no parameters."} for name in times
        )
    if repeated := [name for name, count in times.items() if count > 1]:
        raise invalid_query(
            {"field": name, "message": "Given more than once."} for name in repeated
        )


class JsonRequest(Request):
    """A request whose body must say that it is JSON, and be it."""

    async def body(self) -> bytes:
        """Read the body, refusing one that does not claim to be JSON (415)."""
        body = await super().body()
        if not body:
            raise malformed("The body is empty; send a JSON object.")
        if not is_json(self.headers.get("content-type", ""), patch=self.method == "PATCH"):
            wanted = f"{JSON} or {MERGE_PATCH}" if self.method == "PATCH" else JSON
            raise Problem(415, "unsupported_media_type", f"Send the body as {wanted}, in UTF-8.")
        return body

    async def json(self) -> Any:  # noqa: ANN401 -- any JSON value; the model judges it next
        """Parse the body; NaN, Infinity, stray bytes and absurd depth are not JSON (400)."""
        body = await self.body()
        try:
            return decode_json(body.decode())
        except UnicodeDecodeError:
            raise malformed("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise malformed(f"The body is not JSON: {error}.") from None
        except RecursionError:
            raise malformed("The body is nested too deeply.") from None
        except ValueError:
            raise malformed("A number in the body has thousands of digits.") from None


def is_json(content_type: str, *, patch: bool) -> bool:
    """Judge a Content-Type: the right type, and no charset but the only one JSON has."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset")]
    return (kind == JSON or (patch and kind == MERGE_PATCH)) and set(charsets) <= {"utf-8", "utf8"}


def refuse_constant(constant: str) -> Never:
    """Stop at NaN and Infinity, which Python reads and JSON does not have."""
    raise malformed(f"{constant} is not a JSON value.")


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a name given twice is refused: every parser would pick another of the two."""
    made = dict(pairs)
    if len(made) < len(pairs):
        raise malformed("An object in the body has the same name twice.")
    return made


# Made once: `json.loads` with arguments makes a decoder for every call.
decode_json = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=members).decode


def malformed(detail: str) -> Problem:
    """400: the body cannot be read as JSON at all."""
    return Problem(400, "malformed_json", detail)
