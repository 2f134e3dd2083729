"""Refusals on their way out: each has a status, and nothing that it says is lost at the door."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import pytest

import phase4_layered
from phase4_layered.controllers.errors import STATUS, problem_of
from phase4_layered.domain.errors import (
    Conflict,
    FieldError,
    InvalidToken,
    RateLimited,
    ShopError,
    Unauthenticated,
    Unavailable,
    invalid_payload,
    invalid_query,
)
from phase4_layered.domain.idempotency import RequestInFlight
from phase4_layered.domain.limits import Allowance

if TYPE_CHECKING:
    from collections.abc import Iterator

INSIDE = ("domain", "services", "repositories", "adapters")


def kinds_of(kind: type[ShopError]) -> Iterator[type[ShopError]]:
    """Go through all kinds of refusal that there are, wherever they are defined."""
    for each in kind.__subclasses__():
        yield each
        yield from kinds_of(each)


def test_every_kind_of_refusal_has_a_status() -> None:
    for module in walk_packages(phase4_layered.__path__, "phase4_layered."):
        if module.name.split(".")[1] in INSIDE:
            import_module(module.name)

    without = [
        kind.__name__ for kind in kinds_of(ShopError) if STATUS.keys().isdisjoint(kind.__mro__)
    ]

    assert without == []
    assert len(list(kinds_of(ShopError))) >= len(STATUS)


@pytest.mark.parametrize(
    ("refusal", "status", "headers"),
    [
        (Conflict("sku_taken", "There is one."), 409, {}),
        (RequestInFlight(), 409, {"Retry-After": "1"}),
        (Unavailable("overloaded", "Too much.", retry_after=3), 503, {"Retry-After": "3"}),
        (
            Unauthenticated("authentication_required", "Who is asking?"),
            401,
            {"WWW-Authenticate": 'Bearer realm="shop"'},
        ),
        (
            InvalidToken("invalid_token", "It is not valid."),
            401,
            {"WWW-Authenticate": 'Bearer realm="shop", error="invalid_token"'},
        ),
        (
            RateLimited(Allowance("login", 5, 900, 0, 33)),
            429,
            {
                "Retry-After": "33",
                "RateLimit-Policy": '"login";q=5;w=900',
                "RateLimit": '"login";r=0;t=33',
            },
        ),
    ],
)
def test_what_a_refusal_says_is_put_into_headers(
    refusal: ShopError, status: int, headers: dict[str, str]
) -> None:
    problem = problem_of(refusal)

    assert (problem.status_code, problem.code) == (status, refusal.code)
    assert problem.headers == headers


def test_fields_and_members_of_a_refusal_are_told() -> None:
    wrong: list[FieldError] = [{"field": "name", "message": "must not be blank"}]

    payload, query = problem_of(invalid_payload(wrong)), problem_of(invalid_query(wrong))
    short = problem_of(Conflict("out_of_stock", "Not enough.", shortages=[1]))

    assert (payload.status_code, payload.errors) == (422, wrong)
    assert (query.status_code, query.errors) == (400, wrong)
    assert short.members == {"shortages": [1]}
