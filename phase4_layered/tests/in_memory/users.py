"""People, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.users import User, UserSummary

from .paging import page_of
from .refusals import email_taken, user_has_orders
from .store import UserRow
from .text import contains, lower

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phase4_layered.domain.paging import Page
    from phase4_layered.domain.users import NewUser, UserChanges, UserQuery

    from .store import Store, Tables


class InMemoryUsers:
    """The users table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def by_ids(self, ids: Sequence[int]) -> dict[int, User | None]:
        """Find users by their ids; an id without a user has None."""
        users = self._store.tables.users
        return {each: user_of(users[each]) if each in users else None for each in ids}

    async def page(self, query: UserQuery) -> Page[User]:
        """Return one page of the users that match, and how many match in all."""
        users = map(user_of, self._store.tables.users.values())
        return page_of((user for user in users if matches(user, query)), query, query.sort)

    async def add(self, new: NewUser) -> User:
        """Add a user; raises Conflict for an e-mail that is taken."""
        tables = self._store.tables
        refuse_taken(tables, new.email)
        row = UserRow(self._store.next_id(), new.name, new.email, "user", self._store.clock())
        tables.users[row.id] = row
        return user_of(row)

    async def change(self, user_id: int, changes: UserChanges) -> User | None:
        """Change the given fields; nobody has vouched for an address that is new."""
        tables = self._store.tables
        row = tables.users.get(user_id)
        if row is None:
            return None
        email = changes.get("email", row.email)
        refuse_taken(tables, email, by_others_than=user_id)
        tables.users[user_id] = replace(
            row,
            name=changes.get("name", row.name),
            email=email,
            email_verified=row.email_verified and lower(email) == lower(row.email),
        )
        return user_of(tables.users[user_id])

    async def remove(self, user_id: int) -> bool:
        """Remove a user, unless it is the last admin, and tell whether that was done."""
        tables = self._store.tables
        if user_id not in tables.users or is_last_admin(tables, user_id):
            return False
        if any(order.user_id == user_id for order in tables.orders.values()):
            raise user_has_orders()
        remove_with_all_theirs(tables, user_id)
        return True

    async def summary(self, user_id: int) -> UserSummary | None:
        """Return a user with what they have ordered."""
        tables = self._store.tables
        row = tables.users.get(user_id)
        if row is None:
            return None
        theirs = [order for order in tables.orders.values() if order.user_id == user_id]
        orders = [order for order in theirs if order.status == "placed"]
        return UserSummary(
            row.id,
            row.name,
            row.email,
            row.created_at,
            orders=len(orders),
            spent=sum(order.total for order in orders),
            last_order_at=max((order.placed_at for order in orders), default=None),
        )


def user_of(row: UserRow) -> User:
    """Leave out what nobody is shown."""
    return User(row.id, row.name, row.email, row.role, row.created_at)


def matches(user: User, query: UserQuery) -> bool:
    """Tell whether a user is one of those that were asked for."""
    return (
        contains(user.name, query.name)
        and (query.email is None or lower(user.email) == lower(query.email))
        and (query.created_from is None or user.created_at >= query.created_from)
        and (query.created_before is None or user.created_at < query.created_before)
    )


def refuse_taken(tables: Tables, email: str, by_others_than: int | None = None) -> None:
    """Refuse an e-mail that somebody else has, in whatever case (`users_email_key`)."""
    for row in tables.users.values():
        if row.id != by_others_than and lower(row.email) == lower(email):
            raise email_taken()


def is_last_admin(tables: Tables, user_id: int) -> bool:
    """Tell whether nobody would be left an admin without this one."""
    return [row.id for row in tables.users.values() if row.role == "admin"] == [user_id]


def remove_with_all_theirs(tables: Tables, user_id: int) -> None:
    """Remove a user, and what has no meaning without them (ON DELETE CASCADE)."""
    del tables.users[user_id]
    for key in [key for key in tables.keys if key[0] == user_id]:
        del tables.keys[key]
    for pair in [pair for pair, owner in tables.identities.items() if owner == user_id]:
        del tables.identities[pair]
    for session in [each.id for each in tables.sessions.values() if each.user_id == user_id]:
        del tables.sessions[session]
    for hashed, token in list(tables.refresh_tokens.items()):
        if token.session_id not in tables.sessions:
            del tables.refresh_tokens[hashed]
