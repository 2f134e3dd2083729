"""Whose account an identity at the provider opens: the known one's, the e-mail's, or a new one."""

import logging
from contextlib import suppress
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from ..domain.accounts import Account
from ..domain.errors import Forbidden, TryAgain
from ..domain.fields import NAME_LENGTH, Email
from ..domain.logins import Profile
from .ports import UnitOfWork
from .sessions import end_sessions

log = logging.getLogger(__name__)

read_email = TypeAdapter[str](Email).validate_python


async def account_of(
    work: UnitOfWork, issuer: str, profile: Profile, at: datetime
) -> tuple[Account, str]:
    """Find the account of a person: by the identity, else by the e-mail, else make one.

    Two callbacks may find at once that a person is new here. Both try to write; the constraints let
    one of them, and the other, told so, looks again from the beginning.
    """
    known = await work.identities.account_of(issuer, profile.sub)
    if known is not None:
        return known, "known"
    email = vouched_for(profile)
    account, how = await work.accounts.add_vouched_for(email, name_for(profile, email)), "created"
    if account is None:
        account, how = await claim_account(work, email, at), "linked"
    if not await work.identities.add(issuer, profile.sub, account.id):
        raise TryAgain
    return account, how


async def claim_account(work: UnitOfWork, email: str, at: datetime) -> Account:
    """Give the account that has an e-mail to the owner of the e-mail.

    Whoever made it may have been somebody else, who signed up with an address that is not theirs
    and waits for its owner to move in (pre-hijacking). So if nobody has vouched for the address up
    to now, all ways into the account end: password, sessions, other identities. An owner who did
    sign up with a password loses that, and comes in through the provider from now on.
    """
    account = await work.accounts.lock_by_email(email)
    if account is None:
        raise TryAgain  # it was there a moment ago
    unproven = await work.accounts.vouch_for(account.id)
    if unproven is None:
        return account
    await work.identities.remove_all(account.id)
    await end_sessions(work, await work.sessions.lock_of_user(account.id), at)
    log.warning("auth.unproven_account_claimed user_id=%d", account.id)
    return unproven


def vouched_for(profile: Profile) -> str:
    """Return the e-mail that the provider has verified; raises Forbidden if there is none.

    Whoever could have a foreign e-mail put into a profile would get the account that has it. Only
    `true` counts: some providers say "false", which is true to many a language.
    """
    if profile.email_verified is True:
        with suppress(ValidationError):
            return read_email(profile.email)
    log.warning("oauth.refused why=email_not_verified")
    detail = "The login provider has not verified your e-mail address. Verify it there first."
    raise Forbidden("email_not_verified", detail)


def name_for(profile: Profile, email: str) -> str:
    """Make a name such as our schema allows, out of what the provider calls the person."""
    told = profile.name if isinstance(profile.name, str) else ""
    local_part = email.partition("@")[0]
    return told.replace("\0", "").strip()[:NAME_LENGTH].rstrip() or local_part[:NAME_LENGTH]
