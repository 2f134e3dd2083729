"""What every login by e-mail and password has in common: it is counted, looked up and proven."""

import logging
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request
from psycopg import AsyncConnection
from psycopg.rows import class_row

from .database import connection
from .errors import Problem, unauthorized
from .schemas import Credentials
from .security import address_of, security

log = logging.getLogger(__package__)


@dataclass(frozen=True, slots=True)
class Account:
    """What a login looks at; `password_version` counts the passwords there have been."""

    id: int
    email: str
    password_hash: str | None
    password_version: int


async def proven(request: Request, given: Credentials) -> tuple[Account, dict[str, str]]:
    """Check e-mail and password; returns the account, and headers that say what tries are left.

    Raises 401, and 429 after too many tries.

    An unknown e-mail and a wrong password get the same answer after the same work: the difference
    would tell a stranger who has an account here. No connection is held while the password is
    looked at, because that takes longer than all the rest of a request.
    """
    passwords, limits = security(request).passwords, security(request).limits
    address = address_of(request)
    limits.before_login(address, given.email)
    async with connection(request) as conn:
        account = await select_account_by_email(conn, given.email)
    password_hash = account and account.password_hash
    if not await passwords.verify(given.password, password_hash) or account is None:
        log.info("auth.login_failed user_id=%s", account.id if account else "-")
        raise invalid_credentials()
    allowance = limits.after_login(address, given.email)
    if password_hash is not None and passwords.needs_rehash(password_hash):
        await rehash(request, account, given.password)
    return account, allowance.headers


async def rehash(request: Request, account: Account, password: str) -> None:
    """Keep a password at today's cost: only now, as it is given, can that be done.

    If there is no time for it now, the next login will do.
    """
    with suppress(Problem):
        dearer = await security(request).passwords.hash(password)
        async with connection(request) as conn:
            await update_password_hash(conn, account, dearer)


def invalid_credentials() -> Problem:
    """401: one answer, whichever of the two is wrong."""
    return unauthorized("invalid_credentials", "E-mail or password is wrong.")


# ---------------------------------------------------------------- SQL


async def select_account_by_email(conn: AsyncConnection, email: str) -> Account | None:
    """Find an account by its e-mail, in any case."""
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        SELECT id, email, password_hash, password_version
          FROM users
         WHERE lower(email) = lower(%(email)s)
        """,
        {"email": email},
    )
    return await cursor.fetchone()


async def update_password_hash(conn: AsyncConnection, account: Account, dearer: str) -> None:
    """Put another hash of the same password in the place of the one that was looked at.

    If that is no longer there, the password has been changed, and the change stays.
    """
    await conn.execute(
        """
        UPDATE users
           SET password_hash = %(dearer)s
         WHERE id = %(id)s
           AND password_hash = %(looked_at)s
        """,
        {"id": account.id, "looked_at": account.password_hash, "dearer": dearer},
    )
