"""What every login by e-mail and password has in common: it is counted, looked up and proven."""

import logging
from contextlib import suppress

from ..domain.accounts import Account, Credentials
from ..domain.errors import Unauthenticated, Unavailable
from ..domain.limits import Allowance
from .ports import PasswordHasher, RateLimiter, Work

log = logging.getLogger(__name__)


class CredentialService:
    """Tells who knows the password of an account."""

    def __init__(self, work: Work, passwords: PasswordHasher, limits: RateLimiter) -> None:
        self._work = work
        self._passwords = passwords
        self._limits = limits

    async def proven(self, address: str, given: Credentials) -> tuple[Account, Allowance]:
        """Check e-mail and password; returns the account, and what tries are left.

        Raises Unauthenticated, and RateLimited after too many tries.

        An unknown e-mail and a wrong password get the same answer after the same work: the
        difference would tell a stranger who has an account here. Nothing is held while the password
        is looked at, because that takes longer than all the rest of a request.
        """
        self._limits.before_login(address, given.email)
        async with self._work() as work:
            account = await work.accounts.by_email(given.email)
        password_hash = account and account.password_hash
        right = await self._passwords.verify(given.password, password_hash)
        if not right or account is None:
            log.info("auth.login_failed user_id=%s", account.id if account else "-")
            raise invalid_credentials()
        allowance = self._limits.after_login(address, given.email)
        if password_hash is not None and self._passwords.needs_rehash(password_hash):
            await self._rehash(account, given.password)
        return account, allowance

    async def _rehash(self, account: Account, password: str) -> None:
        """Keep a password at today's cost: only now, as it is given, can that be done.

        If there is no time for it now, the next login will do.
        """
        with suppress(Unavailable):
            dearer = await self._passwords.hash(password)
            async with self._work() as work:
                await work.accounts.rehash(account, dearer)


def invalid_credentials() -> Unauthenticated:
    """One answer, whichever of the two is wrong."""
    return Unauthenticated("invalid_credentials", "E-mail or password is wrong.")
