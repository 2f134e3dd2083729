"""How people log in, in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phase4_layered.domain.accounts import Account, Promoted

from .store import UserRow
from .text import lower
from .users import is_last_admin, refuse_taken, user_of

if TYPE_CHECKING:
    from phase4_layered.domain.accounts import SignUp
    from phase4_layered.domain.users import User

    from .store import Store, Tables


class InMemoryAccounts:
    """What of the users table nobody is shown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, new: SignUp, password_hash: str) -> User:
        """Add a user with a password; raises Conflict for an e-mail that is taken."""
        refuse_taken(self._store.tables, new.email)
        return user_of(self._added(new.name, new.email, password_hash=password_hash))

    async def add_vouched_for(self, email: str, name: str) -> Account | None:
        """Add a user whose e-mail a provider vouches for; None if there is one with it."""
        if with_email(self._store.tables, email) is not None:
            return None
        return account_of(self._added(name, email, email_verified=True))

    async def add_admin(self, new: SignUp, password_hash: str) -> bool:
        """Add an admin; False if there is somebody with the e-mail."""
        if with_email(self._store.tables, new.email) is not None:
            return False
        self._added(new.name, new.email, role="admin", password_hash=password_hash)
        return True

    async def get(self, user_id: int) -> Account | None:
        """Find the account of a user."""
        row = self._store.tables.users.get(user_id)
        return row and account_of(row)

    async def by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail, in any case."""
        row = with_email(self._store.tables, email)
        return row and account_of(row)

    async def lock_by_email(self, email: str) -> Account | None:
        """Find an account by its e-mail; whoever has the store for himself needs no lock."""
        return await self.by_email(email)

    async def change_password(self, account: Account, password_hash: str) -> bool:
        """Put a new password in the place of the one that was looked at; False if that is gone."""
        row = as_looked_at(self._store.tables, account)
        if row is None:
            return False
        version = row.password_version + 1
        self._write(replace(row, password_hash=password_hash, password_version=version))
        return True

    async def rehash(self, account: Account, dearer: str) -> None:
        """Put another hash of the same password in the place of the one that was looked at."""
        row = self._store.tables.users.get(account.id)
        if row is None or row.password_hash is None or row.password_hash != account.password_hash:
            return
        self._write(replace(row, password_hash=dearer))

    async def vouch_for(self, user_id: int) -> Account | None:
        """Note that the e-mail is vouched for, and remove the password; None if it was before."""
        row = self._store.tables.users.get(user_id)
        if row is None or row.email_verified:
            return None
        version = row.password_version + 1
        proven = replace(row, email_verified=True, password_hash=None, password_version=version)
        self._write(proven)
        return account_of(proven)

    async def change_role(self, user_id: int, role: str) -> User | None:
        """Change a user's role; None if there is no such user, or nobody would be left an admin."""
        tables = self._store.tables
        row = tables.users.get(user_id)
        if row is None or (role != "admin" and is_last_admin(tables, user_id)):
            return None
        changed = replace(row, role=role)
        self._write(changed)
        return user_of(changed)

    async def promote(self, email: str) -> Promoted | None:
        """Make a user an admin; None if there is none with this e-mail."""
        row = with_email(self._store.tables, email)
        if row is None:
            return None
        self._write(replace(row, role="admin"))
        return Promoted(row.id, unproven=row.role != "admin" and not row.email_verified)

    def _added(
        self,
        name: str,
        email: str,
        *,
        role: str = "user",
        email_verified: bool = False,
        password_hash: str | None = None,
    ) -> UserRow:
        at = self._store.clock()
        row = UserRow(self._store.next_id(), name, email, role, at, email_verified, password_hash)
        self._write(row)
        return row

    def _write(self, row: UserRow) -> None:
        self._store.tables.users[row.id] = row


def account_of(row: UserRow) -> Account:
    """Take of a user what a login looks at."""
    return Account(row.id, row.email, row.password_hash, row.password_version)


def with_email(tables: Tables, email: str) -> UserRow | None:
    """Find the user with an e-mail, in any case."""
    same = (row for row in tables.users.values() if lower(row.email) == lower(email))
    return next(same, None)


def as_looked_at(tables: Tables, account: Account) -> UserRow | None:
    """Find the user of an account; None if the password has changed since, or the user is gone."""
    row = tables.users.get(account.id)
    return row if row and row.password_version == account.password_version else None
