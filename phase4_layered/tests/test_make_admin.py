"""make_admin: a new account that is an admin's, or an old one that becomes one, and how it asks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from shared.phases import ROOT
from shared.race import together
from shared.servers import inherited
from shared.witness import eventually, waiting_for_locks

from .people import (
    UNLIMITED,
    Person,
    ask_tokens,
    is_known,
    log_in,
    new_email,
    new_password,
    new_person,
    refusal,
)

if TYPE_CHECKING:
    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

COMMAND = [sys.executable, "-m", "phase4_layered.make_admin"]


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve from the database in which admins are made."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@dataclass(frozen=True, slots=True)
class MakeAdmin:
    """The command, in the environment of the service."""

    environment: dict[str, str]

    def __call__(self, *args: str, password: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it where there is nobody to ask; returns what it says and how it ends."""
        return subprocess.run(
            [*COMMAND, *args],
            cwd=ROOT,
            env=self.environment | ({"ADMIN_PASSWORD": password} if password else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def make_admin(environment: dict[str, str], database_url: str) -> MakeAdmin:
    """Give the command."""
    own = {**inherited(), **environment, "DATABASE_URL": database_url}
    own.pop("ADMIN_PASSWORD")
    return MakeAdmin(own)


def role_of(conn: psycopg.Connection[Any], email: str) -> str | None:
    """Look up somebody's role; who has no account has none."""
    query = "SELECT role FROM users WHERE lower(email) = lower(%s)"
    row = conn.execute(query, [email]).fetchone()
    return row and row[0]


def test_whom_nobody_knows_gets_an_account(make_admin: MakeAdmin, stranger: httpx.Client) -> None:
    email, password = new_email(), new_password()

    done = make_admin(email, password=password)

    said = f"{email} has an account now, and is an admin.\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    login = log_in(stranger, Person(0, email, password))
    assert stranger.get("/auth/me", headers=login.headers).json()["role"] == "admin"
    assert stranger.get("/users", headers=login.headers).status_code == 200


def test_who_has_an_account_keeps_it_with_its_password_and_sessions(
    make_admin: MakeAdmin, stranger: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    ada, other = new_person(stranger), new_password()
    login = log_in(stranger, ada)

    done = make_admin(ada.email.upper(), password=other)
    again = make_admin(ada.email)

    assert (done.returncode, done.stdout) == (0, f"{ada.email.upper()} is an admin.\n")
    assert done.stderr.startswith(f"User {ada.id} was there already, and nobody has vouched")
    assert (again.returncode, again.stdout) == (0, f"{ada.email} is an admin.\n")
    assert again.stderr == ""
    assert role_of(conn, ada.email) == "admin"
    assert stranger.get("/users", headers=login.headers).status_code == 200
    assert is_known(stranger, log_in(stranger, ada))
    assert refusal(ask_tokens(stranger, Person(ada.id, ada.email, other)))[0] == 401


def test_of_somebody_whose_address_is_vouched_for_there_is_nothing_to_be_said(
    make_admin: MakeAdmin, stranger: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    ada = new_person(stranger)
    conn.execute("UPDATE users SET email_verified = true WHERE id = %s", [ada.id])

    done = make_admin(ada.email)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{ada.email} is an admin.\n", "")


@pytest.mark.parametrize(
    "args", [[], [""], ["ada"], ["ada@example"], ["ada@example.com "], ["--help"]], ids=str
)
def test_without_an_e_mail_address_it_asks_for_one(args: list[str], make_admin: MakeAdmin) -> None:
    done = make_admin(*args, password=new_password())

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Name an e-mail address, such as ada@example.com.\n"


def test_without_a_password_nobody_gets_an_account(
    make_admin: MakeAdmin, conn: psycopg.Connection[Any]
) -> None:
    email = new_email()

    done = make_admin(email)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{email} has no account. Set ADMIN_PASSWORD, and it will get one.\n"
    assert role_of(conn, email) is None


@pytest.mark.parametrize("weak", ["short", "password1", "x" * 1025, "admin123", "ada.lovelace"])
def test_an_admins_password_is_held_to_the_rules_and_not_repeated(
    weak: str, make_admin: MakeAdmin, conn: psycopg.Connection[Any]
) -> None:
    done = make_admin("ada.lovelace@example.com", password=weak)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("password: ")
    assert done.stderr.count("\n") == 1
    assert weak not in done.stderr
    assert role_of(conn, "ada.lovelace@example.com") is None


def test_the_longest_e_mail_there_can_be_gets_an_account(
    make_admin: MakeAdmin, conn: psycopg.Connection[Any]
) -> None:
    email = f"{'a' * 242}@example.com"

    done = make_admin(email, password=new_password())

    assert done.stderr == ""
    assert role_of(conn, email) == "admin"


def test_a_setting_that_is_missing_is_told_by_its_name(environment: dict[str, str]) -> None:
    without = {**inherited(), **environment}

    done = MakeAdmin(without)(new_email())

    assert (done.returncode, done.stderr) == (2, "DATABASE_URL: must be set\n")


def test_a_person_is_asked_for_a_password_that_nobody_sees(
    make_admin: MakeAdmin, stranger: httpx.Client
) -> None:
    email, password = new_email(), new_password()
    ours, theirs = pty.openpty()

    # In a session of its own it has no terminal but the one that it gets from us.
    with subprocess.Popen(
        [*COMMAND, email],
        cwd=ROOT,
        env=make_admin.environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        asked = os.read(ours, 1000)  # comes when the terminal does not show what is typed any more
        os.write(ours, f"{password}\n".encode())
        said, _ = process.communicate(timeout=30)
        seen = asked + what_is_left(ours)
    os.close(ours)

    assert said.decode() == f"{email} has an account now, and is an admin.\n"
    assert seen.decode().strip() == f"A password for {email}:"
    log_in(stranger, Person(0, email, password))


def what_is_left(terminal: int) -> bytes:
    """Read what a terminal has shown."""
    try:
        return os.read(terminal, 1000)
    except OSError:  # Linux says so where others say that it is the end
        return b""


def test_an_account_that_is_opened_at_the_same_moment_is_told_of_as_somebodys(
    make_admin: MakeAdmin, conn: psycopg.Connection[Any], database_url: str
) -> None:
    email, password = new_email(), new_password()

    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as other:
        other.execute("INSERT INTO users (name, email) VALUES ('Ada', %s)", [email.title()])
        made = threads.submit(make_admin, email, password=password)
        eventually(lambda: waiting_for_locks(conn) == 1)
        other.commit()

    assert (made.result().returncode, made.result().stdout) == (0, f"{email} is an admin.\n")
    assert "was there already" in made.result().stderr
    assert role_of(conn, email) == "admin"


def test_many_at_once_make_one_admin(
    make_admin: MakeAdmin, conn: psycopg.Connection[Any], stranger: httpx.Client
) -> None:
    email, password = new_email(), new_password()

    done = together(4, lambda _: make_admin(email, password=password).returncode)

    assert done == [0] * 4
    assert role_of(conn, email) == "admin"
    log_in(stranger, Person(0, email, password))
