"""Compares an answer with what it should be and points at the first differences."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from .exchange import Answer, Mismatch, Request, content_type_parameters, excerpt

MOST_SHOWN = 5
"""Differences beyond these rarely tell anything new."""

PROBLEM = "application/problem+json"


def expect(
    answer: Answer,
    status: int,
    *,
    json: object = ...,
    headers: Mapping[str, str | None] | None = None,
) -> Answer:
    """Compare status, headers (None: must be absent) and JSON (objects may have more members)."""
    if answer.status != status:
        raise Mismatch(_wrong_status(answer, status), answer)
    found = list(_header_differences(answer, headers or {}))
    if json is not ...:
        found += json_differences(json, answer.json())
    if found:
        shown = found[:MOST_SHOWN] + (["…"] if len(found) > MOST_SHOWN else [])
        raise Mismatch("\n".join(shown), answer)
    return answer


def expect_problem(answer: Answer, status: int, code: str, *, fields: Iterable[str] = ()) -> Answer:
    """Expect a problem document (RFC 9457) with a stable code that names at least these fields."""
    expect(answer, status, headers={"Content-Type": PROBLEM})
    if isinstance(answer.request, Request) and answer.request.method == "HEAD":
        return answer  # the same head, and no body to look into
    problem = answer.json()
    expect(answer, status, json={"type": "about:blank", "status": status, "code": code})
    if differences := [*_missing_words(answer, problem), *_missing_fields(problem, fields)]:
        raise Mismatch("\n".join(differences), answer)
    return answer


def json_differences(expected: object, actual: object, path: str = "$") -> list[str]:
    """Walk both values; types count, and members that nobody asked for don't."""
    if isinstance(expected, Mapping) and isinstance(actual, dict):
        wanted = cast("Mapping[str, object]", expected)
        return _object_differences(wanted, cast("dict[str, object]", actual), path)
    if isinstance(expected, list) and isinstance(actual, list):
        items = cast("list[object]", expected)
        return _array_differences(items, cast("list[object]", actual), path)
    # True == 1 == 1.0 in Python, but they are three different JSON values.
    if type(expected) is type(actual) and expected == actual:  # pyright: ignore[reportUnknownArgumentType]
        return []
    return [f"{path}: expected {_shown(cast('object', expected))}, got {_shown(actual)}"]


def _object_differences(
    expected: Mapping[str, object], actual: dict[str, object], path: str
) -> list[str]:
    found: list[str] = []
    for name, value in expected.items():
        where = f"{path}.{name}"
        if name in actual:
            found += json_differences(value, actual[name], where)
        else:
            found.append(f"{where}: expected {_shown(value)}, but it is missing")
    return found


def _array_differences(expected: list[object], actual: list[object], path: str) -> list[str]:
    found: list[str] = []
    if len(expected) != len(actual):
        found.append(f"{path}: expected {len(expected)} items, got {len(actual)}")
    for place, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
        found += json_differences(wanted, got, f"{path}[{place}]")
    return found


def _header_differences(answer: Answer, expected: Mapping[str, str | None]) -> Iterator[str]:
    for name, wanted in expected.items():
        got = cast("str | None", answer.headers.get(name))
        if not _same_header(name, wanted, got):
            yield f"header {name}: expected {wanted or 'none'}, got {got or 'none'}"


def _same_header(name: str, wanted: str | None, got: str | None) -> bool:
    if wanted is None or got is None or name.lower() != "content-type":
        return wanted == got
    # `; charset=utf-8` behind a JSON type says nothing new, and many frameworks add it.
    media_type = got.partition(";")[0].strip().lower()
    if media_type != wanted.partition(";")[0].strip().lower():
        return False
    return content_type_parameters(wanted).items() <= content_type_parameters(got).items()


def _wrong_status(answer: Answer, expected: int) -> str:
    wanted, got = _phrase(expected), _phrase(answer.status)
    return f"status: expected {wanted}, got {got}\nthe answer was {excerpt(answer.body)}"


def _phrase(status: int) -> str:
    known = {number.value: number.phrase for number in HTTPStatus}
    return f"{status} {known.get(status, '')}".rstrip()


def _missing_words(answer: Answer, problem: dict[str, Any]) -> Iterator[str]:
    yield from _not_words(problem, ("title", "detail", "instance"), "$")
    if isinstance(answer.request, Request):
        path, instance = answer.request.path, problem.get("instance")
        if isinstance(instance, str) and unquote(instance) != unquote(path):
            yield f"$.instance: expected {_shown(path)}, got {_shown(instance)}"


def _missing_fields(problem: dict[str, Any], fields: Iterable[str]) -> Iterator[str]:
    errors = problem.get("errors", [])
    if not isinstance(errors, list):
        yield f"$.errors: expected a list, got {_shown(errors)}"
        return
    named: set[str] = set()
    for place, error in enumerate(cast("list[object]", errors)):
        where = f"$.errors[{place}]"
        members = cast("dict[str, object]", error) if isinstance(error, dict) else {}
        named.add(str(members.get("field")))
        yield from _not_words(members, ("field", "message"), where)
    for name in fields:
        if name not in named:
            shown = ", ".join(sorted(named)) or "nothing"
            yield f"$.errors: expected field {_shown(name)} to be named, found {shown}"


def _not_words(members: dict[str, Any], names: Iterable[str], path: str) -> Iterator[str]:
    for name in names:
        words = members.get(name)
        if not (isinstance(words, str) and words):
            yield f"{path}.{name}: expected words, got {_shown(words)}"


def _shown(value: object) -> str:
    """Write a value as JSON, in a line or two."""
    text = json_format.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else text[:200] + "…"
