"""What checks read from an answer that limits, and how long they go on until there is one."""

from __future__ import annotations

import json
from itertools import count

import pytest

from shared.contracts.exchange import Headers, Mismatch, Request
from shared.contracts.kit import Answer
from shared.contracts.phase3 import tries

LOGIN = Request("http://127.0.0.1:1", "POST", "/auth/login")


def answer(status: int, limit: str, policy: str, retry_after: str = "60") -> Answer:
    problem = {"type": "about:blank", "title": "Too Many", "status": status, "detail": "Too many."}
    body = json.dumps(problem | {"instance": "/auth/login", "code": "rate_limited"})
    told = [
        ("Content-Type", "application/problem+json"),
        ("RateLimit", limit),
        ("RateLimit-Policy", policy),
        ("Retry-After", retry_after),
    ]
    return Answer(status, Headers(told), body.encode(), LOGIN)


def limited(quota: int = 5) -> Answer:
    return answer(429, '"login";r=0;t=60', f'"login";q={quota};w=900')


def passed() -> Answer:
    return Answer(401, Headers([]), b"", LOGIN)


@pytest.mark.parametrize(
    ("limit", "policy"),
    [
        ('"login";r=2;t=60', '"login";q=5;w=900'),
        ('"login"; r=2; t=60', '"login"; q=5; w=900'),
        ('"all";r=9;t=1, "login";r=2', '"all";q=10;w=1, "login";w=900;qu="requests";q=5'),
    ],
)
def test_the_policy_with_the_least_left_is_told(limit: str, policy: str) -> None:
    assert tries.policy_told(answer(200, limit, policy)) == tries.Policy("login", 5, 900, 2)


@pytest.mark.parametrize(
    ("limit", "policy"),
    [
        ('"login";r=0', '"other";q=5;w=900'),
        ('"login";r=0', '"login";q=5'),
        ('"login"', '"login";q=5;w=900'),
        ("limit=5, remaining=0", '"login";q=5;w=900'),
        ("0", "5"),
        ("", ""),
    ],
)
def test_headers_of_another_form_are_a_mismatch(limit: str, policy: str) -> None:
    with pytest.raises(Mismatch, match="RateLimit"):
        tries.policy_told(answer(429, limit, policy))


@pytest.mark.parametrize("retry_after", ["0", "901", "soon", "-1", "1.5"])
def test_when_to_come_back_is_within_the_window(retry_after: str) -> None:
    told = answer(429, '"login";r=0;t=60', '"login";q=5;w=900', retry_after)

    with pytest.raises(Mismatch, match="Retry-After: expected 1 to 900 seconds"):
        tries.expect_limited(told)


def test_what_is_refused_has_nothing_left() -> None:
    with pytest.raises(Mismatch, match="expected r=0"):
        tries.expect_limited(answer(429, '"login";r=1;t=60', '"login";q=5;w=900'))


@pytest.mark.parametrize(("tried", "quota"), [(5, 5), (3, 5), (30, 30)])
def test_tries_until_the_limit_are_counted(tried: int, quota: int) -> None:
    numbers = count(1)

    counted = tries.until_limited(
        lambda: passed() if next(numbers) <= tried else limited(quota), 401
    )

    assert counted == tried


@pytest.mark.parametrize(("tried", "quota"), [(6, 5), (0, 5), (2, 5)])
def test_more_tries_than_told_are_a_mismatch_and_so_are_too_few(tried: int, quota: int) -> None:
    numbers = count(1)

    with pytest.raises(Mismatch, match=f"{tried} tries were let through, .* says {quota}"):
        tries.until_limited(lambda: passed() if next(numbers) <= tried else limited(quota), 401)


def test_a_limit_that_never_comes_is_a_mismatch() -> None:
    with pytest.raises(Mismatch, match="100 tries were let through"):
        tries.until_limited(passed, 401)


def test_another_answer_than_that_of_a_try_is_a_mismatch() -> None:
    with pytest.raises(Mismatch, match="expected 403"):
        tries.until_limited(passed, 403)
