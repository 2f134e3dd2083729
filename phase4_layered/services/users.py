"""Users: who may see them, and who may change what of them."""

from ..domain.errors import Conflict, ShopError, forbidden, not_found
from ..domain.identity import Identity
from ..domain.paging import Page
from ..domain.users import NewUser, User, UserChanges, UserQuery, UserSummary
from .ports import UnitOfWork, Work
from .sharing import Batch


class UserService:
    """What can be done with users; each of it raises NotFound for one that may not be seen."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._by_id = Batch(work, lambda work, ids: work.users.by_ids(ids))

    async def find(self, who: Identity, user_id: int) -> User:
        """Show oneself, or to an admin anybody; others are as unknown as users that never were."""
        user = await self._by_id.get(user_id)
        if user is None or not who.may_see(user_id):
            raise not_found("user", user_id)
        return user

    async def page(self, query: UserQuery) -> Page[User]:
        """List users, a page at a time."""
        async with self._work() as work:
            return await work.users.page(query)

    async def create(self, new: NewUser) -> User:
        """Create a user without a password, who can come in through the provider.

        Raises Conflict for an e-mail that is taken.
        """
        async with self._work() as work:
            return await work.users.add(new)

    async def replace(self, user_id: int, new: NewUser) -> User:
        """Replace every field of a user, which is changing every field."""
        return await self._change(user_id, {"name": new.name, "email": new.email})

    async def change(self, who: Identity, user_id: int, changes: UserChanges) -> User:
        """Change some fields of a user and leave the others.

        One may change one's own name. An e-mail address is what people are known by at a login, so
        that takes an admin.
        """
        if not who.may_see(user_id):
            raise not_found("user", user_id)
        if "email" in changes and not who.is_admin:
            raise forbidden("Only an admin may change an e-mail address.")
        return await self._change(user_id, changes)

    async def _change(self, user_id: int, changes: UserChanges) -> User:
        async with self._work() as work:
            user = await work.users.change(user_id, changes)
        if user is None:
            raise not_found("user", user_id)
        return user

    async def remove(self, user_id: int) -> None:
        """Remove a user who has ordered nothing, and is not the last admin.

        Raises NotFound, and Conflict for those who have to stay.
        """
        async with self._work() as work:
            if not await work.users.remove(user_id):
                raise await why_not(work, user_id)

    async def summary(self, who: Identity, user_id: int) -> UserSummary:
        """Show oneself, or to an admin anybody, with what they have ordered."""
        if not who.may_see(user_id):
            raise not_found("user", user_id)
        async with self._work() as work:
            summary = await work.users.summary(user_id)
        if summary is None:
            raise not_found("user", user_id)
        return summary


async def why_not(work: UnitOfWork, user_id: int) -> ShopError:
    """Tell why a user was not removed, or an admin has not become a user."""
    if (await work.users.by_ids([user_id]))[user_id] is None:
        return not_found("user", user_id)
    return Conflict("last_admin", "This is the last admin. Make somebody else one first.")
