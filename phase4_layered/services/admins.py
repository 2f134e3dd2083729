"""The first admin, who is made by whoever has the machine."""

from ..domain.accounts import Promoted, SignUp
from ..domain.passwords import refuse_weak
from .ports import PasswordHasher, Work


class AdminService:
    """Makes admins."""

    def __init__(self, work: Work, passwords: PasswordHasher) -> None:
        self._work = work
        self._passwords = passwords

    async def promote(self, email: str) -> Promoted | None:
        """Make a user an admin; None if nobody has an account with this e-mail."""
        async with self._work() as work:
            return await work.accounts.promote(email)

    async def open_account(self, new: SignUp) -> Promoted | None:
        """Open an account for an admin; returns the one that was opened meanwhile, if one was.

        Raises Invalid for a password that would be guessed.
        """
        refuse_weak(new.password, field="password", about=(new.email,))
        password_hash = await self._passwords.hash(new.password)
        async with self._work() as work:
            if await work.accounts.add_admin(new, password_hash):
                return None
            return await work.accounts.promote(new.email)
