"""Who at which provider opens which account, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .accounts import account_of
from .refusals import other_identity

if TYPE_CHECKING:
    from phase4_layered.domain.accounts import Account

    from .store import Store


class InMemoryIdentities:
    """The identities table."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def account_of(self, issuer: str, subject: str) -> Account | None:
        """Find the account of an identity."""
        tables = self._store.tables
        user_id = tables.identities.get((issuer, subject))
        return None if user_id is None else account_of(tables.users[user_id])

    async def add(self, issuer: str, subject: str, user_id: int) -> bool:
        """Note whose account an identity opens; False if somebody has just done so.

        Raises Forbidden if another one of this provider opens the account.
        """
        identities = self._store.tables.identities
        if (issuer, subject) in identities:
            return False
        if (issuer, user_id) in {(known, owner) for (known, _), owner in identities.items()}:
            raise other_identity()
        identities[issuer, subject] = user_id
        return True

    async def remove_all(self, user_id: int) -> None:
        """Part an account from all identities."""
        identities = self._store.tables.identities
        for pair in [pair for pair, owner in identities.items() if owner == user_id]:
            del identities[pair]
