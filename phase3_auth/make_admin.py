"""`python -m` this module with an e-mail address: make whose account it is an admin.

Whom nobody knows yet gets an account. Its password is asked for, or taken from ADMIN_PASSWORD where
there is nobody to ask; as an argument everybody on the machine could read it.

Anybody can have signed up with the address before. Unless a provider has vouched for it, nothing
tells the owner from a stranger who saw an admin coming, and the command says so.
"""

import asyncio
import os
import sys
from dataclasses import dataclass
from getpass import getpass
from typing import NoReturn

import psycopg
from psycopg.rows import class_row
from pydantic import TypeAdapter, ValidationError

from .errors import Problem
from .passwords import Passwords, refuse_weak
from .schemas import Email, SignUp
from .settings import Settings, from_environment


@dataclass(frozen=True, slots=True)
class Known:
    """An account that was there; unproven if no provider and no admin had vouched for it."""

    id: int
    unproven: bool


def main() -> None:
    """Do it; exit 2 says what is wrong with the e-mail or the password."""
    settings = from_environment()
    try:
        email = TypeAdapter(Email).validate_python(sys.argv[1])
    except (IndexError, ValidationError):
        refuse("Name an e-mail address, such as ada@example.com.")
    with psycopg.connect(
        settings.database_url,
        autocommit=True,
        connect_timeout=5,
        options="-c statement_timeout=10s",
    ) as conn:
        known = update_to_admin(conn, email) or open_account(conn, settings, email)
    if known is None:
        sys.stdout.write(f"{email} has an account now, and is an admin.\n")
        return
    sys.stdout.write(f"{email} is an admin.\n")
    if known.unproven:
        sys.stderr.write(
            f"User {known.id} was there already, and nobody has vouched for the address. "
            "If it is not the owner's account, take the role away again.\n"
        )


def open_account(conn: psycopg.Connection, settings: Settings, email: str) -> Known | None:
    """Open an account for an admin; returns the one that was opened while we asked, if one was."""
    new = sign_up(email, given_password(email))
    if insert_admin(conn, new, hashed(settings, new.password)):
        return None
    return update_to_admin(conn, email)


def given_password(email: str) -> str:
    """Get a password for a new account."""
    if password := os.environ.get("ADMIN_PASSWORD"):
        return password
    if not sys.stdin.isatty():
        refuse(f"{email} has no account. Set ADMIN_PASSWORD, and it will get one.")
    return getpass(f"A password for {email}: ")


def sign_up(email: str, password: str) -> SignUp:
    """Hold an admin's password to the rules that are everybody's."""
    name = email.partition("@")[0][:100]  # as long as a name may be
    try:
        new = SignUp(name=name, email=email, password=password)
        refuse_weak(password, field="password", about=(email,))
    except ValidationError as error:
        refuse("; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors()))
    except Problem as problem:
        refuse("; ".join(f"password: {each['message']}" for each in problem.errors))
    return new


def hashed(settings: Settings, password: str) -> str:
    """Hash as the service does."""
    passwords = Passwords(settings.password_pepper.get_secret_value(), settings.bcrypt_cost, 1)
    return asyncio.run(passwords.hash(password))


def refuse(why: str) -> NoReturn:
    """Say why not, and end."""
    sys.stderr.write(f"{why}\n")
    sys.exit(2)


# ---------------------------------------------------------------- SQL


def update_to_admin(conn: psycopg.Connection, email: str) -> Known | None:
    """Make a user an admin; None if there is none with this e-mail."""
    cursor = conn.cursor(row_factory=class_row(Known)).execute(
        """
        WITH before AS (
            SELECT id, role, email_verified
              FROM users
             WHERE lower(email) = lower(%(email)s)
               FOR NO KEY UPDATE
        )
        UPDATE users
           SET role = 'admin'
          FROM before
         WHERE users.id = before.id
        RETURNING users.id, before.role <> 'admin' AND NOT before.email_verified AS unproven
        """,
        {"email": email},
    )
    return cursor.fetchone()


def insert_admin(conn: psycopg.Connection, new: SignUp, password_hash: str) -> bool:
    """Open an account for an admin; False if somebody else has done so at this moment."""
    cursor = conn.execute(
        """
        INSERT INTO users (name, email, role, password_hash)
        VALUES (%(name)s, %(email)s, 'admin', %(password_hash)s)
        ON CONFLICT (lower(email)) DO NOTHING
        """,
        {"name": new.name, "email": new.email, "password_hash": password_hash},
    )
    return cursor.rowcount == 1


if __name__ == "__main__":
    main()
