"""An OpenAPI document as facts: what clients rely on, and none of the prose."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Facts

Document = dict[str, Any]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_PROSE = ("title", "description", "example", "examples", "externalDocs")


def routes(document: Document) -> Facts:
    """Describe each route by its parameters, body, status codes and who may use it."""
    return {
        f"{method.upper()} {path}": dict(_parts(document, item, operation))
        for path, item in sorted(document.get("paths", {}).items())
        for method, operation in item.items()
        if method in _METHODS
    }


def schemas(document: Document) -> Facts:
    """Describe each component by its fields; one that has none by itself."""
    components = document.get("components", {}).get("schemas", {})
    return {name: _fields(schema) for name, schema in sorted(components.items())}


def operation(document: Document, route: str) -> Document:
    """Find what the document says of `METHOD /path`."""
    method, path = route.split(" ")
    return document["paths"][path][method.lower()]


def resolved(document: Document, schema: Document) -> Document:
    """Follow a reference to the component that it names."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][_last(schema["$ref"])]
    return schema


def describe(schema: Document) -> str:
    """Put a schema into few words; what is no word of its own is left as JSON."""
    if "$ref" in schema:
        return _last(schema["$ref"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " | ".join(describe(each) for each in schema[choice]) + _rest(schema, choice)
    if "items" in schema:
        return f"list of {describe(schema['items'])}{_rest(schema, 'type', 'items')}"
    kind = schema.get("type", "anything")
    return (kind if isinstance(kind, str) else " | ".join(kind)) + _rest(schema, "type")


def _parts(document: Document, item: Document, operation: Document) -> Iterator[tuple[str, str]]:
    for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]:
        told = describe(parameter.get("schema", {})) + _needed(bool(parameter.get("required")))
        yield f"{parameter['in']} {parameter['name']}", told
    if "requestBody" in operation:
        body = operation["requestBody"]
        yield "body", _content(body) + _needed(bool(body.get("required")))
    yield from _answers(operation)
    security = operation.get("security", document.get("security", []))
    if security:
        yield "credentials", " or ".join(" and ".join(sorted(each)) or "none" for each in security)


def _answers(operation: Document) -> Iterator[tuple[str, str]]:
    for status, response in sorted(operation.get("responses", {}).items()):
        yield status, _content(response)
        for header, told in sorted(response.get("headers", {}).items()):
            yield f"{status} header {header}", describe(told.get("schema", {}))


def _content(holder: Document) -> str:
    described = [
        describe(told.get("schema", {})) + ("" if media == "application/json" else f" as {media}")
        for media, told in sorted(holder.get("content", {}).items())
    ]
    return ", ".join(described) or "empty"


def _fields(schema: Document) -> dict[str, str]:
    needed = schema.get("required", [])
    fields = {
        name: describe(field) + _needed(name in needed)
        for name, field in schema.get("properties", {}).items()
    }
    whole = describe({name: told for name, told in schema.items() if name not in _OF_FIELDS})
    return fields | {"the whole": whole}


_OF_FIELDS = ("properties", "required")


def _needed(required: bool) -> str:  # noqa: FBT001 - it is the one thing that it is told
    return ", required" if required else ""


def _rest(schema: Document, *told: str) -> str:
    """Tell limits, formats and defaults: `string(format=email, maxLength=254)`."""
    rest = {name: schema[name] for name in sorted(schema) if name not in {*told, *_PROSE}}
    words = ", ".join(f"{name}={_plain(value)}" for name, value in rest.items())
    return words and f"({words})"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]
