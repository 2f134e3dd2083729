"""Users: who may see them, and who may change what of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase4_layered.domain.errors import Conflict, Forbidden, NotFound
from phase4_layered.domain.fields import ID_MAX as NOBODY
from phase4_layered.domain.users import NewUser, UserQuery
from phase4_layered.services.users import UserService
from phase4_layered.tests.factories import a_product, a_user, an_order

from .conftest import ADMIN, make_admin, speaking_for

if TYPE_CHECKING:
    from phase4_layered.services.ports import Work
    from phase4_layered.tests.in_memory.store import Store

pytestmark = pytest.mark.anyio


@pytest.fixture
def service(work: Work) -> UserService:
    """Serve the shop in memory."""
    return UserService(work)


async def test_one_sees_oneself_and_an_admin_sees_anybody(work: Work, service: UserService) -> None:
    ada = await a_user(work)

    assert await service.find(speaking_for(ada), ada.id) == ada
    assert await service.find(ADMIN, ada.id) == ada


async def test_others_are_as_unknown_as_users_that_never_were(
    work: Work, service: UserService
) -> None:
    ada, eve = await a_user(work), await a_user(work)

    with pytest.raises(NotFound) as hidden:
        await service.find(speaking_for(eve), ada.id)
    with pytest.raises(NotFound) as unknown:
        await service.find(ADMIN, NOBODY)

    assert hidden.value.code == unknown.value.code == "user_not_found"
    assert hidden.value.detail == unknown.value.detail.replace(str(NOBODY), str(ada.id))


async def test_users_are_listed_a_page_at_a_time(work: Work, service: UserService) -> None:
    _, bob, _ = [await a_user(work, name) for name in ("Ada", "Bob", "Cid")]

    page = await service.page(UserQuery(limit=1, offset=1))

    assert (page.items, page.total) == ([bob], 3)


async def test_a_created_user_is_no_admin(service: UserService) -> None:
    created = await service.create(NewUser(name="Ada", email="ada@example.com"))

    assert (created.name, created.email, created.role) == ("Ada", "ada@example.com", "user")


async def test_an_email_can_be_had_once(work: Work, service: UserService) -> None:
    await a_user(work, email="ada@example.com")

    with pytest.raises(Conflict) as refusal:
        await service.create(NewUser(name="Eve", email="ADA@example.com"))

    assert refusal.value.code == "email_taken"


async def test_replacing_a_user_changes_every_field(work: Work, service: UserService) -> None:
    ada = await a_user(work)

    replaced = await service.replace(ada.id, NewUser(name="Bob", email="bob@example.com"))

    assert (replaced.id, replaced.name, replaced.email) == (ada.id, "Bob", "bob@example.com")
    with pytest.raises(NotFound):
        await service.replace(NOBODY, NewUser(name="Bob", email="b@example.com"))


async def test_one_may_change_ones_own_name(work: Work, service: UserService) -> None:
    ada = await a_user(work)

    changed = await service.change(speaking_for(ada), ada.id, {"name": "Ada Lovelace"})

    assert (changed.name, changed.email) == ("Ada Lovelace", ada.email)


async def test_an_email_takes_an_admin_to_change(work: Work, service: UserService) -> None:
    ada = await a_user(work)

    with pytest.raises(Forbidden):
        await service.change(speaking_for(ada), ada.id, {"name": "Eve", "email": "eve@example.com"})
    assert await service.find(ADMIN, ada.id) == ada

    changed = await service.change(ADMIN, ada.id, {"email": "lovelace@example.com"})
    assert changed.email == "lovelace@example.com"


async def test_what_one_may_not_see_one_may_not_change(work: Work, service: UserService) -> None:
    ada, eve = await a_user(work), await a_user(work)

    # Not even an e-mail, which would be forbidden: that would tell that there is somebody.
    with pytest.raises(NotFound):
        await service.change(speaking_for(eve), ada.id, {"email": "eve@example.com"})
    with pytest.raises(NotFound):
        await service.change(ADMIN, NOBODY, {"name": "Eve"})

    assert await service.find(ADMIN, ada.id) == ada


async def test_a_user_without_orders_can_be_removed(work: Work, service: UserService) -> None:
    ada = await a_user(work)

    await service.remove(ada.id)

    with pytest.raises(NotFound):
        await service.find(ADMIN, ada.id)
    with pytest.raises(NotFound):
        await service.remove(ada.id)


async def test_a_user_with_orders_stays(work: Work, service: UserService) -> None:
    ada, tea = await a_user(work), await a_product(work)
    await an_order(work, ada.id, {tea.id: 1})

    with pytest.raises(Conflict) as refusal:
        await service.remove(ada.id)

    assert refusal.value.code == "user_has_orders"


async def test_the_last_admin_stays_and_is_told_why(
    work: Work, store: Store, service: UserService
) -> None:
    ada, bob = await a_user(work), await a_user(work)
    for user in (ada, bob):
        make_admin(store, user)

    await service.remove(ada.id)
    with pytest.raises(Conflict) as refusal:
        await service.remove(bob.id)

    assert refusal.value.code == "last_admin"


async def test_a_summary_is_shown_to_oneself_and_to_an_admin(
    work: Work, service: UserService
) -> None:
    ada, eve, tea = await a_user(work), await a_user(work), await a_product(work, price=250)
    await an_order(work, ada.id, {tea.id: 2})

    summary = await service.summary(speaking_for(ada), ada.id)

    assert (summary.orders, summary.spent) == (1, 500)
    assert await service.summary(ADMIN, ada.id) == summary
    with pytest.raises(NotFound):
        await service.summary(speaking_for(eve), ada.id)
    with pytest.raises(NotFound):
        await service.summary(ADMIN, NOBODY)
