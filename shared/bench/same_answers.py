"""Whether the contenders say the same: a fast wrong answer is no benchmark."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import httpx

from .measure import BenchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.servers import Server

    from .plan import Request

_SAMPLES = 20
_OPAQUE = "next_cursor"
_OF_ITS_OWN = ("id", "placed_at")
"""What tells one new thing from another, however much the same was asked for."""


def compare(request: Request, ours: Server, theirs: Server, tokens: Sequence[str] = ()) -> None:
    """Ask both for the same things; raises BenchError at the first difference.

    The tokens are those of users 1, 2, 3 and so on, who ask in turn.
    """
    with httpx.Client(timeout=10) as client:
        for number in range(_SAMPLES):
            user = number % len(tokens) + 1 if tokens else 0
            asked = request.sample(number * 499, user)
            client.headers = {"Authorization": f"Bearer {tokens[user - 1]}"} if user else {}
            one, other = (normal(_answer(client, server, asked)) for server in (ours, theirs))
            if one != other:
                raise BenchError(f"{asked.path} is answered differently:\n{one}\n{other}")


def normal(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Reduce JSON to what it means: instants however they are written, cursors only by presence."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {
            name: bool(member) if name == _OPAQUE else normal(member)
            for name, member in members.items()
        }
    if isinstance(value, list):
        return [normal(item) for item in cast("list[Any]", value)]
    return _instant(value) if isinstance(value, str) else value


def _instant(text: str) -> str | datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _answer(client: httpx.Client, server: Server, asked: Request) -> object:
    url = server.url + asked.path
    if not asked.body:
        return _checked(client.get(url)).json()
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
    made = _checked(client.post(url, content=asked.body, headers=headers)).json()
    return {name: value for name, value in made.items() if name not in _OF_ITS_OWN}


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_success:
        raise BenchError(f"{answer.request.url} was answered with {answer.status_code}.")
    return answer
