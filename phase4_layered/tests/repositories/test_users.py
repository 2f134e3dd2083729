"""What services are promised of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.users import NewUser, UserQuery
from phase4_layered.tests.factories import a_product, a_user, an_order

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work

pytestmark = pytest.mark.anyio


async def names(work: Work, query: UserQuery) -> list[str]:
    async with work() as unit:
        return [user.name for user in (await unit.users.page(query)).items]


async def test_a_new_user_is_found_by_id(work: Work) -> None:
    async with work() as unit:
        added = await unit.users.add(NewUser(name="Ada", email="Ada@example.com"))
        found = await unit.users.by_ids([added.id])

    assert (added.name, added.email, added.role) == ("Ada", "Ada@example.com", "user")
    assert found == {added.id: added}


async def test_an_id_without_a_user_has_none(work: Work) -> None:
    ada = await a_user(work)

    async with work() as unit:
        assert await unit.users.by_ids([ada.id, NOBODY]) == {ada.id: ada, NOBODY: None}
        assert await unit.users.by_ids([]) == {}


async def test_an_email_is_taken_in_any_case(work: Work) -> None:
    await a_user(work, email="ada@example.com")

    with pytest.raises(Conflict) as refusal:
        await a_user(work, email="ADA@Example.com")

    assert refusal.value.code == "email_taken"
    assert await names(work, UserQuery()) == ["Ada"]


async def test_given_fields_are_changed_and_others_left(work: Work) -> None:
    ada = await a_user(work, "Ada", "ada@example.com")

    async with work() as unit:
        renamed = await unit.users.change(ada.id, {"name": "Ada Lovelace"})
        moved = await unit.users.change(ada.id, {"email": "lovelace@example.com"})
        unchanged = await unit.users.change(ada.id, {})

    assert renamed is not None
    assert moved is not None
    assert (renamed.name, renamed.email) == ("Ada Lovelace", "ada@example.com")
    assert (moved.name, moved.email) == ("Ada Lovelace", "lovelace@example.com")
    assert unchanged == moved
    assert (moved.id, moved.created_at) == (ada.id, ada.created_at)


async def test_an_email_of_ones_own_may_change_its_case(work: Work) -> None:
    ada = await a_user(work, email="ada@example.com")

    async with work() as unit:
        changed = await unit.users.change(ada.id, {"email": "Ada@Example.com"})

    assert changed is not None
    assert changed.email == "Ada@Example.com"


async def test_an_email_cannot_be_changed_to_one_that_is_taken(work: Work) -> None:
    await a_user(work, "Ada", "ada@example.com")
    bob = await a_user(work, "Bob", "bob@example.com")

    with pytest.raises(Conflict) as refusal:
        async with work() as unit:
            await unit.users.change(bob.id, {"name": "Eve", "email": "Ada@example.com"})

    assert refusal.value.code == "email_taken"
    assert await names(work, UserQuery()) == ["Ada", "Bob"]


@pytest.mark.parametrize(
    ("email", "vouched_for"),
    [("ADA@example.com", True), ("lovelace@example.com", False)],
)
async def test_nobody_has_vouched_for_an_address_that_is_new(
    work: Work, email: str, *, vouched_for: bool
) -> None:
    async with work() as unit:
        ada = await unit.accounts.add_vouched_for("ada@example.com", "Ada")
        assert ada is not None

        await unit.users.change(ada.id, {"name": "Ada Lovelace", "email": email})

        assert (await unit.accounts.vouch_for(ada.id) is None) == vouched_for


async def test_nobody_cannot_be_changed(work: Work) -> None:
    async with work() as unit:
        assert await unit.users.change(NOBODY, {"name": "Eve"}) is None


async def test_a_removed_user_is_gone_and_their_email_free(work: Work) -> None:
    ada = await a_user(work, email="ada@example.com")

    async with work() as unit:
        assert await unit.users.remove(ada.id)
        assert not await unit.users.remove(ada.id)
        assert await unit.users.by_ids([ada.id]) == {ada.id: None}
    await a_user(work, email="ada@example.com")


async def test_a_user_with_orders_stays_though_they_were_cancelled(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    order = await an_order(work, ada.id, {tea.id: 1})
    async with work() as unit:
        await unit.orders.cancel(order.id, None)

    with pytest.raises(Conflict) as refusal:
        async with work() as unit:
            await unit.users.remove(ada.id)

    assert refusal.value.code == "user_has_orders"
    assert await names(work, UserQuery()) == ["Ada"]


async def test_the_last_admin_stays(work: Work) -> None:
    # That two admins who remove each other at once cannot both succeed is PostgreSQL's alone to
    # promise, and proved where there are two connections (test_roles.py).
    ada, bob = await a_user(work, "Ada"), await a_user(work, "Bob")
    async with work() as unit:
        for admin in (ada, bob):
            await unit.accounts.change_role(admin.id, "admin")

        assert await unit.users.remove(ada.id)
        assert not await unit.users.remove(bob.id)

    assert await names(work, UserQuery()) == ["Bob"]


async def test_the_last_admin_stays_without_a_word_of_their_orders(work: Work) -> None:
    ada, tea = await a_user(work), await a_product(work)
    await an_order(work, ada.id, {tea.id: 1})

    async with work() as unit:
        await unit.accounts.change_role(ada.id, "admin")
        assert not await unit.users.remove(ada.id)


async def test_users_are_listed_by_id_unless_told_otherwise(work: Work) -> None:
    for name in ("Cid", "Ada", "Bob"):
        await a_user(work, name)

    assert await names(work, UserQuery()) == ["Cid", "Ada", "Bob"]
    assert await names(work, UserQuery(sort="-id")) == ["Bob", "Ada", "Cid"]


async def test_names_sort_by_code_point(work: Work) -> None:
    for name in ("eve", "Änne", "Zoe", "_", "Ada", "\U0001d49c", "\uffee"):
        await a_user(work, name)

    sorted_names = ["Ada", "Zoe", "_", "eve", "Änne", "\uffee", "\U0001d49c"]
    assert await names(work, UserQuery(sort="name")) == sorted_names
    assert await names(work, UserQuery(sort="-name")) == sorted_names[::-1]


async def test_equals_are_parted_by_their_ids_in_the_same_direction(work: Work) -> None:
    first, second = await a_user(work, "Ada"), await a_user(work, "Ada")

    async with work() as unit:
        rising = (await unit.users.page(UserQuery(sort="name"))).items
        falling = (await unit.users.page(UserQuery(sort="-name"))).items

    assert rising == [first, second]
    assert falling == [second, first]


async def test_users_sort_by_email_and_by_when_they_came(work: Work) -> None:
    await a_user(work, "Bob", "b@example.com")
    await a_user(work, "Ada", "a@example.com")
    await a_user(work, "Cid", "C@example.com")

    assert await names(work, UserQuery(sort="email")) == ["Cid", "Ada", "Bob"]
    assert await names(work, UserQuery(sort="-email")) == ["Bob", "Ada", "Cid"]
    assert await names(work, UserQuery(sort="created_at")) == ["Bob", "Ada", "Cid"]
    assert await names(work, UserQuery(sort="-created_at")) == ["Cid", "Ada", "Bob"]


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("lovel", ["Ada Lovelace"]),
        ("ÄNNE", ["Änne 100%"]),
        ("%", ["Änne 100%"]),
        ("_", ["a_b\\c"]),
        ("B\\C", ["a_b\\c"]),
        ("i", ["İpek"]),  # letter by letter: the capital is one, and so is its small one
        ("ΣΑς", ["σας"]),
        ("ΣΑΣ", []),  # a final sigma is another letter
        ("nobody", []),
    ],
)
async def test_a_name_is_found_by_a_part_of_it_in_any_case(
    work: Work, part: str, found: list[str]
) -> None:
    for name in ("Ada Lovelace", "Änne 100%", "a_b\\c", "σας", "İpek"):
        await a_user(work, name)

    assert await names(work, UserQuery(name=part)) == found


async def test_an_email_is_found_in_any_case_and_only_whole(work: Work) -> None:
    await a_user(work, "Ada", "Ada@example.com")
    await a_user(work, "Bob", "bada@example.com")

    assert await names(work, UserQuery(email="aDA@example.COM")) == ["Ada"]


async def test_users_are_found_by_when_they_came_from_and_before(work: Work) -> None:
    _, bob, cid = [await a_user(work, name) for name in ("Ada", "Bob", "Cid")]

    assert await names(work, UserQuery(created_from=bob.created_at)) == ["Bob", "Cid"]
    assert await names(work, UserQuery(created_before=bob.created_at)) == ["Ada"]
    between = UserQuery(created_from=bob.created_at, created_before=cid.created_at)
    assert await names(work, between) == ["Bob"]


async def test_a_page_is_a_part_and_tells_how_many_there_are(work: Work) -> None:
    for name in ("Ada", "Bob", "Cid", "Bo", "Bodo"):
        await a_user(work, name)

    async with work() as unit:
        page = await unit.users.page(UserQuery(name="bo", limit=1, offset=1))

    assert [user.name for user in page.items] == ["Bo"]
    assert (page.limit, page.offset, page.total) == (1, 1, 3)


async def test_past_the_end_there_is_nobody_and_the_total_is_told(work: Work) -> None:
    await a_user(work)

    async with work() as unit:
        page = await unit.users.page(UserQuery(offset=1))

    assert (page.items, page.total) == ([], 1)


async def test_a_summary_counts_what_was_ordered_and_not_cancelled(work: Work) -> None:
    ada, bob = await a_user(work), await a_user(work)
    tea = await a_product(work, price=250)
    await an_order(work, ada.id, {tea.id: 1})
    last = await an_order(work, ada.id, {tea.id: 2})
    cancelled = await an_order(work, ada.id, {tea.id: 3})
    await an_order(work, bob.id, {tea.id: 1})

    async with work() as unit:
        await unit.orders.cancel(cancelled.id, None)
        summary = await unit.users.summary(ada.id)

    assert summary is not None
    assert (summary.id, summary.name, summary.email) == (ada.id, ada.name, ada.email)
    assert (summary.orders, summary.spent) == (2, 750)
    assert summary.last_order_at == last.placed_at


async def test_who_ordered_nothing_has_a_summary_and_nobody_has_none(work: Work) -> None:
    ada = await a_user(work)

    async with work() as unit:
        summary = await unit.users.summary(ada.id)
        nobody = await unit.users.summary(NOBODY)

    assert summary is not None
    assert (summary.orders, summary.spent, summary.last_order_at) == (0, 0, None)
    assert nobody is None
