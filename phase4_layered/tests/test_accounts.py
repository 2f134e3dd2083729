"""Accounts: opened as a user's, known by an e-mail in any case, and a password that can change."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

from shared.race import together
from shared.witness import eventually, waiting_for_locks

from .conftest import as_user
from .people import (
    UNLIMITED,
    Person,
    ask_cookie,
    ask_tokens,
    browser_of,
    first_admin,
    is_known,
    log_in,
    new_email,
    new_password,
    new_person,
    open_browser,
    refresh,
    refusal,
    tokens_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from shared.fixtures import Serve
    from shared.servers import Server

    from .people import Login

    Ask = Callable[[httpx.Client, Person], httpx.Response]

REFUSED = (401, "invalid_credentials")
WRONG = (403, "wrong_password")


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve whom it may concern, as often as he likes."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@pytest.fixture(scope="module")
def dearer(serve: Serve, database_url: str) -> Server:
    """Serve from the same database, where a password has come to cost twice as much."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url, "BCRYPT_COST": "5"})


@pytest.fixture
def at_more_cost(dearer: Server) -> Iterator[httpx.Client]:
    """Open a client of that one."""
    with httpx.Client(base_url=dearer.url, timeout=10) as client:
        yield client


def sign_up(http: httpx.Client, **fields: object) -> httpx.Response:
    """Ask for an account; returns whatever is answered."""
    account = {"name": "Ada", "email": new_email(), "password": new_password(), **fields}
    return http.post("/auth/signup", json=account)


def change_password(http: httpx.Client, person: Person, login: Login, new: str) -> httpx.Response:
    """Ask for another password; returns whatever is answered."""
    change = {"current_password": person.password, "new_password": new}
    return http.post("/auth/password", json=change, headers=login.headers)


def hash_of(conn: psycopg.Connection[Any], person: Person) -> str:
    """Look up what is kept of a password."""
    query = "SELECT password_hash FROM users WHERE id = %s"
    return conn.execute(query, [person.id]).fetchall()[0][0]


# ---------------------------------------------------------------- opened


def test_an_account_is_a_users_and_nobody_is_logged_in_by_opening_one(
    stranger: httpx.Client,
) -> None:
    email, password = new_email(), new_password()

    answer = sign_up(stranger, email=email, password=password)

    user = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/users/{user['id']}"
    assert list(user) == ["id", "name", "email", "role", "created_at"]
    assert (user["name"], user["email"], user["role"]) == ("Ada", email, "user")
    assert "set-cookie" not in answer.headers
    assert password not in answer.text
    ada = Person(user["id"], email, password)
    me = stranger.get("/auth/me", headers=log_in(stranger, ada).headers)
    assert me.json() == user


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "admin"),
        ("role", "user"),
        ("id", 1),
        ("email_verified", True),
        ("password_hash", "$2b$04$" + "x" * 53),
        ("password_version", 7),
        ("created_at", "2030-01-01T00:00:00Z"),
        ("is_admin", True),
        ("user_id", 1),
    ],
)
def test_what_is_not_the_clients_to_say_is_refused_and_no_account_opened(
    field: str, value: object, stranger: httpx.Client
) -> None:
    email, password = new_email(), new_password()

    answer = sign_up(stranger, email=email, password=password, **{field: value})

    assert refusal(answer) == (422, "invalid_payload")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert refusal(ask_tokens(stranger, Person(0, email, password))) == REFUSED
    assert sign_up(stranger, email=email, password=password).json()["role"] == "user"


def test_an_e_mail_belongs_to_one_account_in_whatever_case(stranger: httpx.Client) -> None:
    email = new_email()
    spelt = [email.capitalize(), email, email.upper(), email.swapcase(), email.title()] * 2

    answers = together(10, lambda number: sign_up(stranger, email=spelt[number]).status_code)

    assert sorted(map(str, answers)) == ["201"] + ["409"] * 9
    assert refusal(sign_up(stranger, email=email)) == (409, "email_taken")


@pytest.mark.parametrize("ask", [ask_tokens, ask_cookie])
def test_one_logs_in_with_an_e_mail_in_any_case_and_a_password_in_its_own(
    ask: Ask, stranger: httpx.Client
) -> None:
    ada = new_person(stranger)

    answers = [
        ask(stranger, replace(ada, email=ada.email.upper())),
        ask(stranger, replace(ada, email=ada.email.title())),
        ask(stranger, replace(ada, password=ada.password.swapcase())),
        ask(stranger, replace(ada, password=f" {ada.password}")),
        ask(stranger, replace(ada, password=f"{ada.password}\0")),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 401]


@pytest.mark.parametrize(
    "password", ["🦊" * 64, " " * 64, "a\0b" * 30, "x" * 71 + "ÿ€🦊", "é" * 1024]
)
def test_a_password_may_be_long_and_hold_any_character(
    password: str, stranger: httpx.Client
) -> None:
    email = new_email()

    answer = sign_up(stranger, email=email, password=password)

    ada = Person(answer.json()["id"], email, password)
    assert is_known(stranger, log_in(stranger, ada))
    assert refusal(ask_tokens(stranger, replace(ada, password=password[:-1]))) == REFUSED


@pytest.mark.parametrize("ask", [ask_tokens, ask_cookie])
def test_a_wrong_password_and_an_e_mail_without_account_or_password_are_answered_alike(
    ask: Ask, stranger: httpx.Client, environment: dict[str, str]
) -> None:
    ada, without = new_person(stranger), new_email()
    admin = log_in(stranger, first_admin(environment))
    stranger.post(
        "/users", json={"name": "Bob", "email": without}, headers=admin.headers
    ).raise_for_status()

    answers = [
        ask(stranger, replace(ada, password=new_password())),
        ask(stranger, Person(0, new_email(), new_password())),
        ask(stranger, Person(0, without, new_password())),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    told = [dict(answer.headers) | {"x-request-id": "", "date": ""} for answer in answers]
    assert told[0] == told[1] == told[2]


def test_who_has_no_password_cannot_change_it(
    stranger: httpx.Client, environment: dict[str, str]
) -> None:
    admin = log_in(stranger, first_admin(environment))
    bob = {"name": "Bob", "email": new_email()}
    user = stranger.post("/users", json=bob, headers=admin.headers).json()["id"]

    answers = [
        stranger.post(
            "/auth/password",
            json={"current_password": current, "new_password": new_password()},
            headers=as_user(user),
        )
        for current in ("x", "null", "$2b$04$")
    ]

    assert {refusal(answer) for answer in answers} == {(409, "no_password")}


# ---------------------------------------------------------------- changed


def by_tokens(http: httpx.Client, ada: Person) -> Login:
    """Log in as a program does."""
    return log_in(http, ada)


EACH_KIND = pytest.mark.parametrize("log_me_in", [by_tokens, open_browser])


@EACH_KIND
def test_a_new_password_ends_every_session_but_the_one_that_asks(
    log_me_in: Callable[[httpx.Client, Person], Login], stranger: httpx.Client
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    others = [log_in(stranger, ada), open_browser(stranger, ada), log_in(stranger, ada)]
    ours, his = log_me_in(stranger, ada), log_in(stranger, bob)
    changed = replace(ada, password=new_password())

    answer = change_password(stranger, ada, ours, changed.password)

    assert (answer.status_code, answer.content) == (204, b"")
    assert [is_known(stranger, each) for each in (*others, ours, his)] == [False] * 3 + [True] * 2
    assert refusal(ask_tokens(stranger, ada)) == REFUSED
    assert refusal(ask_cookie(stranger, ada)) == REFUSED
    assert is_known(stranger, log_in(stranger, changed))


def test_all_tokens_of_the_session_that_asks_go_on(stranger: httpx.Client) -> None:
    ada = new_person(stranger)
    first = log_in(stranger, ada)
    second = refresh(stranger, first)

    change_password(stranger, ada, first, new_password()).raise_for_status()

    assert is_known(stranger, first)
    assert is_known(stranger, second)
    assert is_known(stranger, refresh(stranger, second))


@EACH_KIND
def test_whoever_does_not_know_the_password_changes_nothing(
    log_me_in: Callable[[httpx.Client, Person], Login],
    stranger: httpx.Client,
    conn: psycopg.Connection[Any],
) -> None:
    ada = new_person(stranger)
    other, stolen = open_browser(stranger, ada), log_me_in(stranger, ada)
    kept = hash_of(conn, ada)

    answer = change_password(
        stranger, replace(ada, password=new_password()), stolen, new_password()
    )

    assert refusal(answer) == WRONG
    assert hash_of(conn, ada) == kept
    assert is_known(stranger, other)
    assert is_known(stranger, stolen)


@pytest.mark.parametrize("new", ["short", "password1", "12345678", "x" * 1025, "", None])
def test_a_password_that_would_be_refused_at_signup_is_refused_here(
    new: str, stranger: httpx.Client
) -> None:
    ada = new_person(stranger)
    other, ours = log_in(stranger, ada), log_in(stranger, ada)

    answer = change_password(stranger, ada, ours, new)

    assert refusal(answer) == (422, "invalid_payload")
    assert [error["field"] for error in answer.json()["errors"]] == ["new_password"]
    assert is_known(stranger, other)
    log_in(stranger, ada)


def test_ones_own_name_and_e_mail_are_no_passwords(stranger: httpx.Client) -> None:
    ada = new_person(stranger)
    ours = log_in(stranger, ada)
    change = {"name": "Augusta Lovelace"}
    stranger.patch(f"/users/{ada.id}", json=change, headers=ours.headers).raise_for_status()

    for new in (ada.email, "augusta.lovelace1815"):
        assert refusal(change_password(stranger, ada, ours, new)) == (422, "invalid_payload")


def test_of_ten_changes_at_once_one_counts(stranger: httpx.Client) -> None:
    ada = new_person(stranger)
    logins = [open_browser(stranger, ada) for _ in range(10)]
    passwords = [new_password() for _ in logins]

    answers = together(
        10, lambda number: change_password(stranger, ada, logins[number], passwords[number])
    )

    told = [answer.status_code for answer in answers if isinstance(answer, httpx.Response)]
    assert len(told) == 10
    assert told.count(204) == 1
    assert set(told) <= {204, 403, 401}  # too late, or logged out by the one
    known = [
        ask_tokens(stranger, replace(ada, password=each)).is_success
        for each in (ada.password, *passwords)
    ]
    assert known == [False, *(status == 204 for status in told)]
    assert [is_known(stranger, each) for each in logins] == [status == 204 for status in told]


# ---------------------------------------------------------------- changed while somebody logs in


@contextmanager
def holding(database_url: str, person: Person) -> Generator[psycopg.Connection[Any]]:
    """Hold an account's row: it can be looked at, but whoever logs in or changes it queues up."""
    with psycopg.connect(database_url) as conn:
        conn.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [person.id])
        yield conn


def login_of(answer: httpx.Response) -> Login:
    """Read what somebody has after a login, of whichever kind."""
    return browser_of(answer) if "set-cookie" in answer.headers else tokens_of(answer)


@pytest.mark.parametrize("ask", [ask_tokens, ask_cookie])
def test_who_showed_the_old_password_while_it_was_changed_does_not_get_in(
    ask: Ask, stranger: httpx.Client, database_url: str
) -> None:
    """His password was the right one when it was looked at: that comes before the row is needed."""
    ada, changed = new_person(stranger), new_password()
    ours = log_in(stranger, ada)

    with ThreadPoolExecutor() as threads, holding(database_url, ada) as conn:
        change = threads.submit(change_password, stranger, ada, ours, changed)
        eventually(lambda: waiting_for_locks(conn) == 1)
        login = threads.submit(ask, stranger, ada)
        eventually(lambda: waiting_for_locks(conn) == 2)
        conn.commit()

    assert change.result().status_code == 204
    assert refusal(login.result()) == REFUSED
    assert "set-cookie" not in login.result().headers
    assert is_known(stranger, log_in(stranger, replace(ada, password=changed)))


@pytest.mark.parametrize("ask", [ask_tokens, ask_cookie])
def test_who_got_in_just_before_the_change_is_put_out_by_it(
    ask: Ask, stranger: httpx.Client, database_url: str
) -> None:
    ada = new_person(stranger)
    ours = log_in(stranger, ada)

    with ThreadPoolExecutor() as threads, holding(database_url, ada) as conn:
        login = threads.submit(ask, stranger, ada)
        eventually(lambda: waiting_for_locks(conn) == 1)
        change = threads.submit(change_password, stranger, ada, ours, new_password())
        eventually(lambda: waiting_for_locks(conn) == 2)
        conn.commit()

    assert change.result().status_code == 204
    assert not is_known(stranger, login_of(login.result()))


@pytest.mark.parametrize("ask", [ask_tokens, ask_cookie])
def test_who_is_deleted_while_logging_in_does_not_get_in(
    ask: Ask, stranger: httpx.Client, database_url: str, environment: dict[str, str]
) -> None:
    ada, admin = new_person(stranger), log_in(stranger, first_admin(environment))

    with ThreadPoolExecutor() as threads, holding(database_url, ada) as conn:
        deleted = threads.submit(stranger.delete, f"/users/{ada.id}", headers=admin.headers)
        eventually(lambda: waiting_for_locks(conn) == 1)
        login = threads.submit(ask, stranger, ada)
        eventually(lambda: waiting_for_locks(conn) == 2)
        conn.commit()

    assert deleted.result().status_code == 204
    assert refusal(login.result()) == REFUSED


# ---------------------------------------------------------------- at more cost


def test_a_password_is_hashed_anew_at_the_next_login_and_nothing_else_changes(
    stranger: httpx.Client, at_more_cost: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    ada = new_person(stranger)
    earlier, before = open_browser(stranger, ada), hash_of(conn, ada)

    wrong = ask_tokens(at_more_cost, replace(ada, password=new_password()))
    untouched = hash_of(conn, ada)
    right = log_in(at_more_cost, ada)
    after = hash_of(conn, ada)
    again = log_in(at_more_cost, ada)

    assert refusal(wrong) == REFUSED
    assert untouched == before
    assert [each[:7] for each in (before, after)] == ["$2b$04$", "$2b$05$"]
    assert hash_of(conn, ada) == after
    assert all(is_known(stranger, each) for each in (earlier, right, again, log_in(stranger, ada)))
    assert hash_of(conn, ada).startswith("$2b$04$")  # the cheaper one is another service's today


def test_a_change_at_more_cost_is_hashed_at_that(
    stranger: httpx.Client, at_more_cost: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    ada, changed = new_person(stranger), new_password()

    change_password(at_more_cost, ada, log_in(stranger, ada), changed).raise_for_status()

    assert hash_of(conn, ada).startswith("$2b$05$")
    log_in(at_more_cost, replace(ada, password=changed))


@pytest.mark.parametrize("first", ["change", "login"])
def test_to_hash_a_password_anew_does_not_undo_a_change(
    first: str, stranger: httpx.Client, at_more_cost: httpx.Client, database_url: str
) -> None:
    ada, changed = new_person(stranger), new_password()
    ours = log_in(stranger, ada)
    calls: dict[str, Callable[[], httpx.Response]] = {
        "change": lambda: change_password(stranger, ada, ours, changed),
        "login": lambda: ask_tokens(at_more_cost, ada),
    }
    sent: dict[str, Future[httpx.Response]] = {}

    with ThreadPoolExecutor() as threads, holding(database_url, ada) as conn:
        for name in sorted(calls, key=first.__ne__):
            sent[name] = threads.submit(calls[name])
            eventually(lambda: waiting_for_locks(conn) == len(sent))
        conn.commit()
    change, login = sent["change"].result(), sent["login"].result()

    assert next(iter(sent)) == first
    assert change.status_code == 204
    assert login.status_code == 401 or not is_known(stranger, tokens_of(login))
    assert refusal(ask_tokens(stranger, ada)) == REFUSED
    assert is_known(stranger, log_in(stranger, replace(ada, password=changed)))


# ---------------------------------------------------------------- guessed


def test_who_guesses_at_the_current_password_is_stopped_as_at_a_login(
    serve: Serve, database_url: str, stranger: httpx.Client
) -> None:
    ada, limited = new_person(stranger), serve(env={"DATABASE_URL": database_url})
    stolen, new = open_browser(stranger, ada), new_password()
    wrong = replace(ada, password=new_password())

    with httpx.Client(base_url=limited.url, timeout=10) as http:
        guesses = [refusal(change_password(http, wrong, stolen, new)) for _ in range(6)]
        right = change_password(http, ada, stolen, new)
        login = ask_tokens(http, ada)
        http.headers["X-Forwarded-For"] = "192.0.2.7"
        owner = change_password(http, ada, stolen, new)

    assert guesses == [WRONG] * 5 + [(429, "rate_limited")]
    assert refusal(right) == refusal(login) == (429, "rate_limited")
    assert int(right.headers["retry-after"]) > 0
    assert owner.status_code == 204  # she is at another address
