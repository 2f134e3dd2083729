"""Shared reads: who asks at the same time asks once, and nobody joins a query under way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from phase3_auth.sharing import Batch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from fastapi import Request


class OneConnection:
    """A database with nothing in it."""

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[None]:
        """Lend it."""
        yield


REQUEST = cast(
    "Request", SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(database=OneConnection())))
)


def test_keys_asked_for_at_once_are_found_together() -> None:
    asked: list[Sequence[int]] = []

    async def find(_: object, keys: Sequence[int]) -> dict[int, str]:
        asked.append(keys)
        return {key: f"user {key}" for key in keys}

    async def scenario() -> list[str]:
        batch = Batch(find)
        return await asyncio.gather(*(batch.get(REQUEST, key) for key in (1, 2, 3, 2)))

    assert asyncio.run(scenario()) == ["user 1", "user 2", "user 3", "user 2"]
    assert asked == [[1, 2, 3]]


def test_a_question_that_comes_while_the_query_runs_gets_a_query_of_its_own() -> None:
    async def scenario() -> tuple[int, int]:
        answers = iter(range(10))
        running, go_on = asyncio.Event(), asyncio.Event()

        async def find(_: object, keys: Sequence[str]) -> dict[str, int]:
            number = next(answers)
            running.set()
            await go_on.wait()
            return dict.fromkeys(keys, number)

        batch = Batch(find)
        early = asyncio.create_task(batch.get(REQUEST, "feed"))
        await running.wait()
        late = asyncio.create_task(batch.get(REQUEST, "feed"))
        go_on.set()
        return await early, await late

    assert asyncio.run(scenario()) == (0, 1)


def test_an_error_reaches_all_who_asked_and_nobody_after_them() -> None:
    async def scenario() -> list[object]:
        failures = iter([RuntimeError("down"), None])

        async def find(_: object, keys: Sequence[str]) -> dict[str, str]:
            if failure := next(failures):
                raise failure
            return {key: key for key in keys}

        batch = Batch(find)
        first = await asyncio.gather(
            batch.get(REQUEST, "a"), batch.get(REQUEST, "b"), return_exceptions=True
        )
        return [*first, await batch.get(REQUEST, "a")]

    one, other, later = asyncio.run(scenario())
    assert isinstance(one, RuntimeError)
    assert isinstance(other, RuntimeError)
    assert later == "a"


def test_one_who_gives_up_does_not_cancel_the_others() -> None:
    async def scenario() -> str:
        async def find(_: object, keys: Sequence[int]) -> dict[int, str]:
            await asyncio.sleep(0)
            return dict.fromkeys(keys, "here")

        batch = Batch(find)
        gives_up = asyncio.create_task(batch.get(REQUEST, 1))
        stays = asyncio.create_task(batch.get(REQUEST, 1))
        await asyncio.sleep(0)
        gives_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gives_up
        return await stays

    assert asyncio.run(scenario()) == "here"
