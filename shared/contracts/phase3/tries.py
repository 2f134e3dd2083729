"""Trying until one is told to stop, and reading what is told then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.contracts.kit import Answer, Mismatch, expect, expect_problem

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TRIES = 100
"""Tries after which there is no limit worth the name (ASVS 4.0, 2.2.1: a hundred an hour)."""

FEWEST_TRIES = 3
"""Tries that everybody needs now and then."""

_ITEM = re.compile(r'"([^"]+)"((?: *; *[a-z]+=[^;,]+)*)')
_NUMBER = re.compile(r"; *([a-z]+)=([0-9]+)")


@dataclass(frozen=True, slots=True)
class Policy:
    """A limit as headers tell it: so many in so many seconds, and what of it is left."""

    name: str
    quota: int
    window: int
    left: int


def until_limited(attempt: Callable[[], Answer], status: int) -> int:
    """Try until 429, and return how many tries had the other status; it must be as many as told."""
    passed = 0
    while (answer := attempt()).status != 429:
        expect(answer, status)
        passed += 1
        if passed == MOST_TRIES:
            words = f"{MOST_TRIES} tries were let through, expected 429 in the end"
            raise Mismatch(words, answer)
    policy = expect_limited(answer)
    if not FEWEST_TRIES <= passed <= policy.quota:
        words = f"{passed} tries were let through, and the policy says {policy.quota}"
        raise Mismatch(words, answer)
    return passed


def expect_limited(answer: Answer) -> Policy:
    """Expect 429 that says when to come back, and which policy has nothing left."""
    expect_problem(answer, 429, "rate_limited")
    policy = policy_told(answer)
    wait = answer.headers["Retry-After"]
    if policy.left != 0:
        raise Mismatch(f"RateLimit: expected r=0, got {answer.headers['RateLimit']}", answer)
    if not re.fullmatch("[0-9]+", wait) or not 1 <= int(wait) <= policy.window:
        words = f"Retry-After: expected 1 to {policy.window} seconds, got {wait}"
        raise Mismatch(words, answer)
    return policy


def policy_told(answer: Answer) -> Policy:
    """Read RateLimit and the RateLimit-Policy that it names.

    Their form is that of draft-ietf-httpapi-ratelimit-headers-10: "login";q=5;w=900.
    """
    limits, policies = _items(answer, "RateLimit"), _items(answer, "RateLimit-Policy")
    try:
        name = min(limits, key=lambda each: limits[each]["r"])
        policy = policies[name]
        return Policy(name, policy["q"], policy["w"], limits[name]["r"])
    except KeyError as missing:
        told = f"{answer.headers['RateLimit']} and {answer.headers['RateLimit-Policy']}"
        raise Mismatch(f"RateLimit headers: {missing} is missing in {told}", answer) from None


def _items(answer: Answer, header: str) -> dict[str, dict[str, int]]:
    items: dict[str, dict[str, int]] = {}
    for item in answer.headers[header].split(","):
        found = _ITEM.fullmatch(item.strip())
        if not found:
            raise Mismatch(f'{header}: expected a form like "name";x=5;y=900, got {item}', answer)
        items[found[1]] = {name: int(value) for name, value in _NUMBER.findall(found[2])}
    return items
