"""Accounts: opening one, changing its password, and saying what its owner may do."""

import logging

from ..domain.accounts import Account, NewRole, PasswordChange, SignUp
from ..domain.errors import Conflict, Forbidden, not_found
from ..domain.identity import Identity
from ..domain.limits import Allowance
from ..domain.passwords import refuse_weak
from ..domain.users import User
from .ports import Clock, PasswordHasher, RateLimiter, Work
from .sessions import end_sessions, own_session
from .users import UserService, why_not

log = logging.getLogger(__name__)


class AccountService:
    """What can be done with accounts."""

    def __init__(
        self,
        work: Work,
        clock: Clock,
        users: UserService,
        passwords: PasswordHasher,
        limits: RateLimiter,
    ) -> None:
        self._work = work
        self._clock = clock
        self._users = users
        self._passwords = passwords
        self._limits = limits

    async def sign_up(self, address: str, new: SignUp) -> tuple[User, Allowance]:
        """Open an account, always as a user; raises Invalid, Conflict and RateLimited.

        It tells a stranger that an address has an account here. Hiding that takes letters ("you
        have an account already"), which this shop cannot send yet; so an address may ask only a
        few times.
        """
        allowance = self._limits.signup(address)
        refuse_weak(new.password, field="password", about=(new.name, new.email))
        password_hash = await self._passwords.hash(new.password)
        async with self._work() as work:
            user = await work.accounts.add(new, password_hash)
        log.info("auth.signed_up user_id=%d", user.id)
        return user, allowance

    async def change_password(self, who: Identity, address: str, change: PasswordChange) -> None:
        """Change one's password, and end every session but the one that asks.

        Whoever has stolen a session has no password, and is asked for it here. Whoever has stolen
        the password loses his sessions by this.

        Raises Forbidden if the current password is wrong, Conflict if there is none, Invalid if the
        new one is weak, and RateLimited.
        """
        user = await self._users.find(who, who.user_id)
        async with self._work() as work:
            account = await work.accounts.get(who.user_id)
        if account is None:
            raise not_found("user", who.user_id)
        await self._refuse_wrong_password(account, address, change.current_password)
        refuse_weak(change.new_password, field="new_password", about=(user.name, user.email))
        password_hash = await self._passwords.hash(change.new_password)
        async with self._work() as work, work.transaction():
            if not await work.accounts.change_password(account, password_hash):
                raise wrong_password()
            ours = await own_session(work, who)
            all_of_them = await work.sessions.lock_of_user(who.user_id)
            others = [each for each in all_of_them if each != ours]
            await end_sessions(work, others, self._clock())
        log.info("auth.password_changed user_id=%d", who.user_id)

    async def change_role(self, who: Identity, user_id: int, new: NewRole) -> User:
        """Make a user an admin, or an admin a user; it counts from the next request on.

        Raises NotFound, and Conflict for the last admin.
        """
        async with self._work() as work:
            user = await work.accounts.change_role(user_id, new.role)
            if user is None:
                raise await why_not(work, user_id)
        log.info("auth.role_changed user_id=%d role=%s by=%d", user_id, new.role, who.user_id)
        return user

    async def _refuse_wrong_password(self, account: Account, address: str, password: str) -> None:
        """Refuse whoever doesn't know the password; the tries are counted as those of a login."""
        if account.password_hash is None:
            detail = "This account has no password: its owner comes in through the provider."
            raise Conflict("no_password", detail)
        self._limits.before_login(address, account.email)
        if not await self._passwords.verify(password, account.password_hash):
            log.info("auth.wrong_password user_id=%d", account.id)
            raise wrong_password()
        self._limits.after_login(address, account.email)


def wrong_password() -> Forbidden:
    """We know who is asking, and it may not be the one he claims to be."""
    return Forbidden("wrong_password", "The current password is wrong.")
