"""JSON-RPC calls: how to make one, and what every response must look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from shared.contracts.kit import Mismatch, expect, json_differences

if TYPE_CHECKING:
    from shared.contracts.kit import Api

    from .givens import Fields

JSON = {"Content-Type": "application/json"}


def call(api: Api, method: str, params: object = None, *, call_id: object = 1) -> Fields:
    """Make one call and return the whole response object, its envelope checked."""
    request: Fields = {"jsonrpc": "2.0", "method": method, "id": call_id}
    if params is not None:
        request["params"] = params
    return well_formed(expect(api.post("/rpc", json=request), 200).json(), call_id)


def well_formed(response: Any, call_id: object) -> Fields:  # noqa: ANN401 - whatever JSON came
    """Check version, id, and that there is either a result or an error."""
    if not isinstance(response, dict):
        raise Mismatch(f"a response is an object, not {response!r}")
    fields = cast("Fields", response)
    if differences := json_differences({"jsonrpc": "2.0", "id": call_id}, fields):
        raise Mismatch("\n".join(differences))
    if ("result" in fields) == ("error" in fields):
        raise Mismatch(f"a response has either a result or an error: {fields}")
    return fields


def result(api: Api, method: str, params: object = None) -> Any:  # noqa: ANN401 - as above
    """Make a call that must succeed and return its result."""
    response = call(api, method, params)
    if "error" in response:
        raise Mismatch(f"{method} should succeed, but answered {response['error']}")
    return response["result"]


def error(response: Fields, code: int) -> Fields:
    """Return the error of a response that must have failed with that code."""
    found = cast("Fields", response.get("error") or {})
    if found.get("code") != code or not isinstance(found.get("message"), str):
        raise Mismatch(f"expected an error with code {code} and a message, got {response}")
    return found


def refused_outright(api: Api, body: bytes, code: int) -> None:
    """Expect one error response with id null, because the request's id is unknown or unusable."""
    answer = expect(api.post("/rpc", content=body, headers=JSON), 200)
    error(well_formed(answer.json(), None), code)


def named_fields(error: Fields) -> set[str]:
    """Collect the fields that an error names in data.errors."""
    data = cast("Fields", error.get("data") or {})
    return {each["field"] for each in cast("list[Fields]", data.get("errors") or [])}
