"""The store under many writers: nothing lost, nothing twice, no rule broken in a gap."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.errors import ServiceError
from phase0_raw_http.store import Post, Store, User
from shared.race import together

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITERS = 64
EACH = 50


@pytest.fixture(autouse=True)
def eager_switching() -> Iterator[None]:
    """Let Python switch threads as often as it can, so that a gap is found if there is one."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def ada(store: Store) -> User:
    return store.create_user(name="Ada", email="ada@example.com")


def codes(results: list[object]) -> list[str]:
    """Return the codes of the refusals; any other failure is raised."""
    failures = [result for result in results if isinstance(result, Exception)]
    for failure in failures:
        if not isinstance(failure, ServiceError):
            raise failure
    return [failure.code for failure in failures if isinstance(failure, ServiceError)]


def test_64_writers_get_ids_without_gap_or_repetition() -> None:
    store = Store()

    def write(writer: int) -> list[int]:
        return [
            store.create_user(name="x", email=f"{writer}.{number}@example.com").id
            for number in range(EACH)
        ]

    ids = [number for written in together(WRITERS, write) for number in as_list(written)]

    assert sorted(ids) == list(range(1, WRITERS * EACH + 1))
    assert store.list_users().total == WRITERS * EACH


def as_list(result: list[int] | Exception) -> list[int]:
    if isinstance(result, Exception):
        raise result
    return result


def test_one_of_64_gets_the_email() -> None:
    for _ in range(20):
        store = Store()

        def register(number: int, store: Store = store) -> object:
            email = "ada@example.com" if number % 2 else "Ada@Example.COM"
            return store.create_user(name=str(number), email=email)

        assert codes(together(WRITERS, register)) == ["email_taken"] * (WRITERS - 1)
        assert store.list_users().total == 1


def test_one_of_64_users_can_change_to_the_email() -> None:
    store = Store()
    ids = [store.create_user(name="x", email=f"{n}@example.com").id for n in range(WRITERS)]

    results = together(WRITERS, lambda n: store.update_user(ids[n], email="ada@example.com"))

    assert codes([*results]) == ["email_taken"] * (WRITERS - 1)
    assert store.list_users(email="ada@example.com").total == 1


def test_changes_of_different_fields_do_not_undo_each_other() -> None:
    store = Store()
    post = store.create_post(user_id=ada(store).id, title="", body="")

    def write(writer: int) -> list[int]:
        """Change one field again and again; return the changes that did not last."""
        field = ("title", "body")[writer]
        lost: list[int] = []
        for number in range(30_000):
            store.update_post(post.id, **{field: str(number)})
            if getattr(store.get_post(post.id), field) != str(number):
                lost.append(number)
        return lost

    assert together(2, write) == [[], []]


def test_no_post_outlives_its_user() -> None:
    store = Store()
    doomed = [store.create_user(name="x", email=f"{n}@example.com").id for n in range(20_000)]

    def race(writer: int) -> None:
        """Give each user a post, or delete each; whoever comes second is refused."""
        for user_id in doomed:
            with suppress(ServiceError):
                if writer:
                    store.delete_user(user_id)
                else:
                    store.create_post(user_id=user_id, title="Notes", body="")

    assert together(2, race) == [None, None]

    authors = {post.user_id for post in every_post(store)}
    assert authors == {user_id for user_id in doomed if exists(store, user_id)}


def every_post(store: Store) -> list[Post]:
    total = store.list_posts().total
    return store.list_posts(limit=total).items


def exists(store: Store, user_id: int) -> bool:
    with suppress(ServiceError):
        return store.get_user(user_id).id == user_id
    return False


def test_ids_are_not_given_again() -> None:
    store = Store()
    first = ada(store)
    store.delete_user(first.id)

    assert ada(store).id == first.id + 1


def test_an_email_is_free_again_once_its_user_has_changed_or_gone() -> None:
    store = Store()
    first = ada(store)
    store.update_user(first.id, email="other@example.com")
    second = ada(store)
    store.delete_user(second.id)

    store.update_user(first.id, email="ada@example.com")

    assert store.list_users(email="ADA@EXAMPLE.COM").items[0].id == first.id


def test_a_user_may_change_the_case_of_their_own_email() -> None:
    store = Store()
    user = ada(store)

    assert store.update_user(user.id, email="ADA@example.com").email == "ADA@example.com"


def test_a_refused_change_changes_nothing() -> None:
    store = Store()
    user = ada(store)
    other = store.create_user(name="Bob", email="bob@example.com")

    with pytest.raises(ServiceError):
        store.update_user(other.id, name="Bobby", email="ada@example.com")

    assert store.get_user(other.id) == other
    assert store.list_users(email="ada@example.com").items == [user]


@pytest.mark.parametrize(("sort", "order"), [("name", [2, 3, 1, 4]), ("-name", [4, 1, 3, 2])])
def test_ties_are_broken_by_id_in_the_direction_of_the_sort(sort: str, order: list[int]) -> None:
    store = Store()
    for name in ("b", "a", "a", "b"):
        number = store.list_users().total
        store.create_user(name=name, email=f"{number}@example.com")

    page = store.list_users(sort=sort, limit=3, offset=1)

    assert [user.id for user in page.items] == order[1:]
    assert page.total == len(order)
