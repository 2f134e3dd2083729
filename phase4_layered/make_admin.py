"""`python -m` this module with an e-mail address: make whose account it is an admin.

Whom nobody knows yet gets an account. Its password is asked for, or taken from ADMIN_PASSWORD where
there is nobody to ask; as an argument everybody on the machine could read it.

Anybody can have signed up with the address before. Unless a provider has vouched for it, nothing
tells the owner from a stranger who saw an admin coming, and the command says so.
"""

import os
import sys
from getpass import getpass
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError

from . import commands
from .domain.accounts import Promoted, SignUp
from .domain.errors import Invalid
from .domain.fields import NAME_LENGTH, Email
from .services.admins import AdminService


def main() -> None:
    """Do it; exit 2 says what is wrong with the e-mail or the password."""
    commands.run(10, lambda services: make_admin(services.admins))


async def make_admin(admins: AdminService) -> None:
    """Make an admin of whoever the command line names, and say how it went."""
    email = given_email()
    promoted = await admins.promote(email)
    if promoted is None:
        promoted = await open_account(admins, email)
    if promoted is None:
        sys.stdout.write(f"{email} has an account now, and is an admin.\n")
        return
    sys.stdout.write(f"{email} is an admin.\n")
    if promoted.unproven:
        sys.stderr.write(
            f"User {promoted.id} was there already, and nobody has vouched for the address. "
            "If it is not the owner's account, take the role away again.\n"
        )


async def open_account(admins: AdminService, email: str) -> Promoted | None:
    """Open an account for an admin, whose password is held to the rules that are everybody's."""
    name = email.partition("@")[0][:NAME_LENGTH]
    try:
        new = SignUp(name=name, email=email, password=given_password(email))
        return await admins.open_account(new)
    except ValidationError as error:
        refuse("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors()))
    except Invalid as refusal:
        refuse("; ".join(f"password: {each['message']}" for each in refusal.errors))


def given_email() -> str:
    """Read the e-mail address on the command line."""
    try:
        return TypeAdapter[str](Email).validate_python(sys.argv[1])
    except (IndexError, ValidationError):
        refuse("Name an e-mail address, such as ada@example.com.")


def given_password(email: str) -> str:
    """Get a password for a new account."""
    if password := os.environ.get("ADMIN_PASSWORD"):
        return password
    if not sys.stdin.isatty():
        refuse(f"{email} has no account. Set ADMIN_PASSWORD, and it will get one.")
    return getpass(f"A password for {email}: ")


def refuse(why: str) -> NoReturn:
    """Say why not, and end."""
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
