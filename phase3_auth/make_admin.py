"""`python -m` this module with an e-mail address: make its owner an admin, the first or another.

Whom nobody knows yet gets an account. Its password is asked for, or taken from ADMIN_PASSWORD where
there is nobody to ask; as an argument everybody on the machine could read it.
"""

import asyncio
import os
import sys
from getpass import getpass
from typing import NoReturn

import psycopg
from pydantic import TypeAdapter, ValidationError

from .errors import Problem
from .passwords import Passwords, refuse_weak
from .schemas import Email, SignUp
from .settings import Settings, from_environment


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
        if update_to_admin(conn, email):
            said = f"{email} is an admin."
        else:
            new = sign_up(email, given_password(email))
            insert_admin(conn, new, hashed(settings, new.password))
            said = f"{email} has an account now, and is an admin."
    sys.stdout.write(f"{said}\n")


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


def update_to_admin(conn: psycopg.Connection, email: str) -> bool:
    """Make a user an admin; False if there is none with this e-mail."""
    return (
        conn.execute(
            """
            UPDATE users
               SET role = 'admin'
             WHERE lower(email) = lower(%(email)s)
            """,
            {"email": email},
        ).rowcount
        == 1
    )


def insert_admin(conn: psycopg.Connection, new: SignUp, password_hash: str) -> None:
    """Open an account for an admin, unless somebody else does so at this moment: promote that."""
    conn.execute(
        """
        INSERT INTO users (name, email, role, password_hash)
        VALUES (%(name)s, %(email)s, 'admin', %(password_hash)s)
        ON CONFLICT (lower(email)) DO UPDATE
           SET role = 'admin'
        """,
        {"name": new.name, "email": new.email, "password_hash": password_hash},
    )


if __name__ == "__main__":
    main()
