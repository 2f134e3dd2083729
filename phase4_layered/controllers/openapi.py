"""The OpenAPI document, with our errors and guards in it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .auth import document_guards
from .errors import PROBLEM_SCHEMA


def describe(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document, with our errors in the place of FastAPI's own 422."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = PROBLEM_SCHEMA
        for path in document["paths"].values():
            for operation in path.values():
                ours = operation["responses"].get("422", {}).get("content", {})
                if "application/json" in ours:
                    del operation["responses"]["422"]
        document_guards(app, document)
        app.openapi_schema = document
    return app.openapi_schema
