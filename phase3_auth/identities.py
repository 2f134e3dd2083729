"""Whose account an identity at the provider opens: the known one's, the e-mail's, or a new one."""

import logging
from contextlib import suppress
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import TypeAdapter, ValidationError

from .credentials import Account
from .errors import Problem
from .id_tokens import Profile
from .retrying import TryAgain
from .schemas import Email
from .sessions import end_sessions, lock_sessions_of_user

log = logging.getLogger(__package__)

NAME_LENGTH = 100  # as in schemas.Name
read_email = TypeAdapter[str](Email).validate_python


async def account_of(
    conn: AsyncConnection, issuer: str, profile: Profile, at: datetime
) -> tuple[Account, str]:
    """Find the account of a person: by the identity, else by the e-mail, else make one.

    Two callbacks may find at once that a person is new here. Both try to write; the constraints let
    one of them, and the other, told so, looks again from the beginning.
    """
    known = await select_account_by_identity(conn, issuer, profile.sub)
    if known is not None:
        return known, "known"
    email = vouched_for(profile)
    account, how = await insert_account(conn, email, name_for(profile, email)), "created"
    if account is None:
        account, how = await claim_account(conn, email, at), "linked"
    if not await insert_identity(conn, issuer, profile.sub, account.id):
        raise TryAgain
    return account, how


async def claim_account(conn: AsyncConnection, email: str, at: datetime) -> Account:
    """Give the account that has an e-mail to the owner of the e-mail.

    Whoever made it may have been somebody else, who signed up with an address that is not theirs
    and waits for its owner to move in (pre-hijacking). So if nobody has vouched for the address up
    to now, all ways into the account end: password, sessions, other identities. An owner who did
    sign up with a password loses that, and comes in through the provider from now on.
    """
    account = await lock_account_by_email(conn, email)
    if account is None:
        raise TryAgain  # it was there a moment ago
    unproven = await update_unproven_account(conn, account.id)
    if unproven is None:
        return account
    await delete_identities(conn, account.id)
    await end_sessions(conn, await lock_sessions_of_user(conn, account.id), at)
    log.warning("auth.unproven_account_claimed user_id=%d", account.id)
    return unproven


def vouched_for(profile: Profile) -> str:
    """Return the e-mail that the provider has verified; raises 403 if there is none.

    Whoever could have a foreign e-mail put into a profile would get the account that has it. Only
    `true` counts: some providers say "false", which is true to many a language.
    """
    if profile.email_verified is True:
        with suppress(ValidationError):
            return read_email(profile.email)
    log.warning("oauth.refused why=email_not_verified")
    detail = "The login provider has not verified your e-mail address. Verify it there first."
    raise Problem(403, "email_not_verified", detail)


def name_for(profile: Profile, email: str) -> str:
    """Make a name such as our schema allows, out of what the provider calls the person."""
    told = profile.name if isinstance(profile.name, str) else ""
    local_part = email.partition("@")[0]
    return told.replace("\0", "").strip()[:NAME_LENGTH].rstrip() or local_part[:NAME_LENGTH]


# ---------------------------------------------------------------- SQL


async def select_account_by_identity(
    conn: AsyncConnection, issuer: str, subject: str
) -> Account | None:
    """Find the account of an identity."""
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        SELECT users.id, users.email, users.password_hash, users.password_version
          FROM identities
          JOIN users ON users.id = identities.user_id
         WHERE identities.issuer = %(issuer)s
           AND identities.subject = %(subject)s
        """,
        {"issuer": issuer, "subject": subject},
    )
    return await cursor.fetchone()


async def insert_account(conn: AsyncConnection, email: str, name: str) -> Account | None:
    """Add a user without a password, whose e-mail was vouched for; None if there is one with it.

    ON CONFLICT waits for a transaction that is adding the same e-mail, and then does nothing.
    """
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        INSERT INTO users (name, email, email_verified)
        VALUES (%(name)s, %(email)s, true)
        ON CONFLICT (lower(email)) DO NOTHING
        RETURNING id, email, password_hash, password_version
        """,
        {"name": name, "email": email},
    )
    return await cursor.fetchone()


async def lock_account_by_email(conn: AsyncConnection, email: str) -> Account | None:
    """Find an account by its e-mail, in any case, and keep it as it is until we are done."""
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        SELECT id, email, password_hash, password_version
          FROM users
         WHERE lower(email) = lower(%(email)s)
           FOR UPDATE
        """,
        {"email": email},
    )
    return await cursor.fetchone()


async def update_unproven_account(conn: AsyncConnection, user_id: int) -> Account | None:
    """Note that the e-mail is vouched for, and remove the password; None if it was before."""
    cursor = await conn.cursor(row_factory=class_row(Account)).execute(
        """
        UPDATE users
           SET email_verified = true,
               password_hash = NULL,
               password_version = password_version + 1
         WHERE id = %(id)s
           AND NOT email_verified
        RETURNING id, email, password_hash, password_version
        """,
        {"id": user_id},
    )
    return await cursor.fetchone()


async def delete_identities(conn: AsyncConnection, user_id: int) -> None:
    """Part an account from all identities."""
    await conn.execute("DELETE FROM identities WHERE user_id = %(id)s", {"id": user_id})


async def insert_identity(conn: AsyncConnection, issuer: str, subject: str, user_id: int) -> bool:
    """Note whose account an identity opens; False if somebody has just done so.

    An account that another one of this provider opens breaks `identities_user_id_issuer_key`: the
    e-mail is the same, and the person need not be.
    """
    cursor = await conn.execute(
        """
        INSERT INTO identities (issuer, subject, user_id)
        VALUES (%(issuer)s, %(subject)s, %(user_id)s)
        ON CONFLICT (issuer, subject) DO NOTHING
        """,
        {"issuer": issuer, "subject": subject, "user_id": user_id},
    )
    return cursor.rowcount == 1
