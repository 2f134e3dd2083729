"""Shared reads: who asks at the same time asks once, and nobody joins a query under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from phase4_layered.services.sharing import Batch
from phase4_layered.tests.factories import a_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from phase4_layered.domain.users import User
    from phase4_layered.services.ports import UnitOfWork, Work

pytestmark = pytest.mark.anyio


class Users(Batch[int, "User | None"]):
    """Finds users, notes which were asked for together, and waits where it is told to."""

    def __init__(self, work: Work) -> None:
        super().__init__(work, self._look_up)
        self.asked: list[list[int]] = []
        self.looking = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def _look_up(self, work: UnitOfWork, ids: Sequence[int]) -> Mapping[int, User | None]:
        self.asked.append(list(ids))
        found = await work.users.by_ids(ids)
        self.looking.set()
        await self.go_on.wait()
        return found


async def test_keys_asked_for_at_once_are_found_together_and_each_once(work: Work) -> None:
    ada, bob = await a_user(work, "Ada"), await a_user(work, "Bob")
    users = Users(work)

    found = await asyncio.gather(*(users.get(each) for each in (ada.id, 0, bob.id, ada.id)))

    assert found == [ada, None, bob, ada]
    assert users.asked == [[ada.id, 0, bob.id]]


async def test_who_asks_one_after_the_other_is_not_told_what_was_found_before(work: Work) -> None:
    ada = await a_user(work, "Ada")
    users = Users(work)
    await users.get(ada.id)

    async with work() as unit:
        renamed = await unit.users.change(ada.id, {"name": "Eve"})

    assert await users.get(ada.id) == renamed
    assert users.asked == [[ada.id], [ada.id]]


async def test_a_question_that_comes_while_the_query_runs_gets_a_query_of_its_own(
    work: Work,
) -> None:
    ada = await a_user(work)
    users = Users(work)
    users.go_on.clear()
    early = asyncio.create_task(users.get(ada.id))
    await users.looking.wait()

    late = asyncio.create_task(users.get(ada.id))
    await asyncio.sleep(0)
    users.go_on.set()

    assert await asyncio.gather(early, late) == [ada, ada]
    assert users.asked == [[ada.id], [ada.id]]


async def test_an_error_reaches_all_who_asked_and_nobody_after_them(work: Work) -> None:
    failures = [RuntimeError("down")]

    async def find(_: UnitOfWork, keys: Sequence[str]) -> dict[str, str]:
        if failures:
            raise failures.pop()
        return {key: key for key in keys}

    batch = Batch(work, find)
    one, other = await asyncio.gather(batch.get("a"), batch.get("b"), return_exceptions=True)

    assert isinstance(one, RuntimeError)
    assert isinstance(other, RuntimeError)
    assert await batch.get("a") == "a"


async def test_one_who_gives_up_does_not_take_the_query_of_the_others_with_them(
    work: Work,
) -> None:
    ada = await a_user(work)
    users = Users(work)
    users.go_on.clear()
    gives_up, stays = [asyncio.create_task(users.get(ada.id)) for _ in range(2)]
    await users.looking.wait()

    gives_up.cancel()
    await asyncio.wait([gives_up])
    users.go_on.set()
    await asyncio.wait([stays])

    assert (gives_up.cancelled(), stays.cancelled()) == (True, False)
    assert stays.result() == ada
    assert users.asked == [[ada.id]]
