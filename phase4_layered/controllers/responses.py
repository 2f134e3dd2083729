"""Answers made of bytes that are JSON already, so that nothing encodes or validates them twice."""

from fastapi import Response


def ok(body: bytes) -> Response:
    """200 with a body."""
    return Response(body, media_type="application/json")


def private(body: bytes) -> Response:
    """200 with secrets in the body, which nobody on the way may keep."""
    return Response(body, 200, {"Cache-Control": "no-store"}, "application/json")


def created(location: str, body: bytes) -> Response:
    """201 with the new resource, and the address it has from now on."""
    return Response(body, 201, {"Location": location}, "application/json")


def no_content() -> Response:
    """204, which has no body by definition."""
    return Response(status_code=204)


def see_other(address: str) -> Response:
    """303: go there with GET, whatever this was; and nobody keeps it for the next one."""
    return Response(status_code=303, headers={"Location": address, "Cache-Control": "no-store"})
