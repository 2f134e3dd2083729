"""Roles: they count from the next request on, and there is always an admin left."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from shared.race import together
from shared.witness import eventually, waiting_for_locks

from .people import (
    UNLIMITED,
    Person,
    Tokens,
    ask_tokens,
    first_admin,
    is_known,
    log_in,
    new_email,
    new_person,
    open_browser,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from shared.fixtures import Serve
    from shared.servers import Server

    from .people import Login

UNKNOWN = 2**40
LAST = (409, "last_admin")
DONE = {(200, "done"), (204, "done")}
FORBIDDEN = (403, "forbidden")


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str) -> Server:
    """Serve whom it may concern, as often as he likes."""
    return serve(env={**UNLIMITED, "DATABASE_URL": database_url})


@pytest.fixture
def conn(clean_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Look into the database, in which there is the first admin and nobody else yet."""
    with psycopg.connect(clean_database, autocommit=True) as conn:
        yield conn


@pytest.fixture
def admin(
    stranger: httpx.Client, environment: dict[str, str], conn: psycopg.Connection[Any]
) -> Tokens:
    """Log the first admin in."""
    del conn  # has emptied the database
    return log_in(stranger, first_admin(environment))


def change_role(http: httpx.Client, who: Login, user: int, role: str) -> httpx.Response:
    """Ask for somebody to be made an admin, or a user; returns whatever is answered."""
    return http.put(f"/users/{user}/role", json={"role": role}, headers=who.headers)


def remove(http: httpx.Client, who: Login, user: int) -> httpx.Response:
    """Ask for somebody to be deleted; returns whatever is answered."""
    return http.delete(f"/users/{user}", headers=who.headers)


def admins(conn: psycopg.Connection[Any]) -> list[int]:
    """List the admins there are."""
    rows = conn.execute("SELECT id FROM users WHERE role = 'admin' ORDER BY id").fetchall()
    return [user for (user,) in rows]


# ---------------------------------------------------------------- what a role opens


@pytest.mark.parametrize("come_in", [log_in, open_browser])
def test_a_role_counts_from_the_next_request_on(
    come_in: Callable[[httpx.Client, Person], Login], stranger: httpx.Client, admin: Tokens
) -> None:
    ada = new_person(stranger)
    login = come_in(stranger, ada)

    def may() -> bool:
        answer = stranger.get("/users", headers=login.headers)
        assert answer.is_success or refusal(answer) == FORBIDDEN
        return answer.is_success

    seen = [may()]
    for role in ("admin", "admin", "user", "user"):
        answer = change_role(stranger, admin, ada.id, role)
        assert (answer.status_code, answer.json()["role"]) == (200, role)
        assert answer.json()["id"] == ada.id
        seen.append(may())

    assert seen == [False, True, True, False, False]


def test_only_an_admin_changes_roles_and_his_own_is_no_exception(
    stranger: httpx.Client, admin: Tokens, conn: psycopg.Connection[Any]
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    hers = log_in(stranger, ada)

    refused = [
        refusal(change_role(stranger, hers, user, "admin")) for user in (ada.id, bob.id, 1, UNKNOWN)
    ]
    without = stranger.put(f"/users/{ada.id}/role", json={"role": "admin"})

    assert refused == [FORBIDDEN] * 4
    assert refusal(without) == (401, "authentication_required")
    assert admins(conn) == [1]
    assert refusal(change_role(stranger, admin, UNKNOWN, "admin")) == (404, "user_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "root"},
        {"role": "Admin"},
        {"role": ["admin"]},
        {"role": None},
        {"role": "admin", "id": 1},
    ],
    ids=str,
)
def test_there_are_two_roles(
    body: dict[str, Any], stranger: httpx.Client, admin: Tokens, conn: psycopg.Connection[Any]
) -> None:
    ada = new_person(stranger)

    answer = stranger.put(f"/users/{ada.id}/role", json=body, headers=admin.headers)

    assert refusal(answer) == (422, "invalid_payload")
    assert admins(conn) == [1]


# ---------------------------------------------------------------- the last admin


def test_the_last_admin_can_neither_resign_nor_go(
    stranger: httpx.Client, admin: Tokens, conn: psycopg.Connection[Any]
) -> None:
    new_person(stranger)

    assert refusal(change_role(stranger, admin, 1, "user")) == LAST
    assert refusal(remove(stranger, admin, 1)) == LAST
    assert change_role(stranger, admin, 1, "admin").status_code == 200
    assert admins(conn) == [1]
    assert is_known(stranger, admin)


def test_an_admin_who_is_not_the_last_may_resign_and_go(
    stranger: httpx.Client, admin: Tokens, conn: psycopg.Connection[Any]
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    for each in (ada, bob):
        change_role(stranger, admin, each.id, "admin").raise_for_status()

    resigned = change_role(stranger, log_in(stranger, ada), ada.id, "user")
    gone = remove(stranger, log_in(stranger, bob), bob.id)

    assert (resigned.status_code, gone.status_code) == (200, 204)
    assert admins(conn) == [1]
    assert refusal(ask_tokens(stranger, bob)) == (401, "invalid_credentials")


Deed = tuple[str, str]  # what is done, and to whom

OTHERS: list[tuple[Deed, Deed]] = [
    (("demote", "other"), ("demote", "other")),
    (("delete", "other"), ("delete", "other")),
    (("demote", "other"), ("delete", "other")),
]
THEMSELVES: list[tuple[Deed, Deed]] = [
    (("demote", "self"), ("demote", "self")),
    (("delete", "self"), ("delete", "self")),
    (("demote", "self"), ("delete", "self")),
]


class Rivals:
    """The only two admins there are, each of whom has in mind to be the only one, or none."""

    def __init__(
        self, http: httpx.Client, conn: psycopg.Connection[Any], deeds: tuple[Deed, Deed]
    ) -> None:
        self._http = http
        self._deeds = deeds
        people = [new_person(http), new_person(http)]
        self.ids = [each.id for each in people]
        conn.execute("UPDATE users SET role = 'user' WHERE role = 'admin'")
        conn.execute("UPDATE users SET role = 'admin' WHERE id = ANY(%s)", [self.ids])
        self._logins = [log_in(http, each) for each in people]

    def act(self, number: int) -> tuple[int, str]:
        """Let one of them do it; returns what came of it."""
        deed, whom = self._deeds[number]
        user = self.ids[number if whom == "self" else 1 - number]
        if deed == "demote":
            answer = change_role(self._http, self._logins[number], user, "user")
        else:
            answer = remove(self._http, self._logins[number], user)
        return (answer.status_code, "done") if answer.is_success else refusal(answer)


@pytest.mark.parametrize("deeds", OTHERS, ids=str)
def test_of_two_admins_who_put_each_other_out_at_once_one_is_left(
    deeds: tuple[Deed, Deed],
    stranger: httpx.Client,
    conn: psycopg.Connection[Any],
    tell: Callable[[str, int], None],
) -> None:
    late = 0
    for _ in range(50):
        rivals = Rivals(stranger, conn, deeds)

        told = together(2, rivals.act)

        assert len(admins(conn)) == 1, told
        assert sum(each in DONE for each in told) == 1, told
        late += LAST in told  # or he was no admin any more, or nobody, by the time he asked
    tell("were told that they are the last", late)


@pytest.mark.parametrize("deeds", OTHERS + THEMSELVES, ids=str)
@pytest.mark.parametrize("first", [0, 1])
def test_who_comes_second_finds_himself_the_last(
    first: int,
    deeds: tuple[Deed, Deed],
    stranger: httpx.Client,
    conn: psycopg.Connection[Any],
) -> None:
    """Both are admins when they ask, and wait for somebody who is changing the name of one."""
    rivals = Rivals(stranger, conn, deeds)

    with ThreadPoolExecutor() as threads:
        with conn.transaction():
            conn.execute("UPDATE users SET name = 'X' WHERE id = %s", [min(rivals.ids)])
            sent = [threads.submit(rivals.act, first)]
            eventually(lambda: waiting_for_locks(conn) == 1)
            sent.append(threads.submit(rivals.act, 1 - first))
            eventually(lambda: waiting_for_locks(conn) == 2)
        told = [each.result() for each in sent]

    assert told[0] in DONE
    assert told[1] == LAST
    assert len(admins(conn)) == 1


# ---------------------------------------------------------------- oneself and others


def test_users_see_themselves_and_of_others_not_even_that_they_are(
    stranger: httpx.Client, admin: Tokens
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    hers = log_in(stranger, ada)

    for path in ("/users/{}", "/users/{}/summary"):
        own = stranger.get(path.format(ada.id), headers=hers.headers)
        others, unknown = (
            stranger.get(path.format(user), headers=hers.headers) for user in (bob.id, UNKNOWN)
        )

        assert own.json()["id"] == ada.id
        assert refusal(others) == (404, "user_not_found")
        assert others.text.replace(str(bob.id), str(UNKNOWN)) == unknown.text
        assert stranger.get(path.format(bob.id), headers=admin.headers).status_code == 200


def test_users_change_their_own_name_and_nothing_else(
    stranger: httpx.Client, admin: Tokens
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    hers = log_in(stranger, ada)

    def change(user: int, **fields: object) -> httpx.Response:
        return stranger.patch(f"/users/{user}", json=fields, headers=hers.headers)

    named = change(ada.id, name="Countess")
    refused = [
        change(ada.id, email=new_email()),
        change(ada.id, email=ada.email),
        change(ada.id, name="Queen", email=new_email()),
        stranger.put(
            f"/users/{ada.id}", json={"name": "A", "email": ada.email}, headers=hers.headers
        ),
        remove(stranger, hers, ada.id),
    ]
    nobody = [change(bob.id, name="Mine"), change(UNKNOWN, name="Mine"), change(1, name="Mine")]
    odd = [change(ada.id, role="admin"), change(ada.id, id=1), change(ada.id, name=None)]

    assert (named.status_code, named.json()["name"]) == (200, "Countess")
    assert [refusal(answer) for answer in refused] == [FORBIDDEN] * 5
    assert [refusal(answer) for answer in nobody] == [(404, "user_not_found")] * 3
    assert [refusal(answer) for answer in odd] == [(422, "invalid_payload")] * 3
    assert stranger.get("/auth/me", headers=hers.headers).json() == named.json()
    assert named.json()["email"] == ada.email
    assert stranger.get("/users/1", headers=admin.headers).json()["name"] != "Mine"


def test_an_admin_changes_an_e_mail_and_its_owner_goes_by_the_new_one(
    stranger: httpx.Client, admin: Tokens
) -> None:
    ada, bob = new_person(stranger), new_person(stranger)
    hers, new = log_in(stranger, ada), new_email()

    def change(**fields: object) -> httpx.Response:
        return stranger.patch(f"/users/{ada.id}", json=fields, headers=admin.headers)

    taken = change(email=bob.email.upper())
    changed = change(email=new.capitalize(), name="Countess")

    assert refusal(taken) == (409, "email_taken")
    assert (changed.json()["email"], changed.json()["name"]) == (new.capitalize(), "Countess")
    assert is_known(stranger, hers)
    assert refusal(ask_tokens(stranger, ada)) == (401, "invalid_credentials")
    log_in(stranger, Person(ada.id, new, ada.password))


def test_nobody_has_vouched_for_an_address_that_is_new(
    stranger: httpx.Client, admin: Tokens, conn: psycopg.Connection[Any]
) -> None:
    ada = new_person(stranger)
    conn.execute("UPDATE users SET email_verified = TRUE WHERE id = %s", [ada.id])

    def is_verified_after(**fields: str) -> bool:
        answer = stranger.patch(f"/users/{ada.id}", json=fields, headers=admin.headers)
        assert answer.status_code == 200
        query = "SELECT email_verified FROM users WHERE id = %s"
        return conn.execute(query, [ada.id]).fetchall()[0][0]

    assert is_verified_after(name="Countess")
    assert is_verified_after(email=ada.email.upper())
    assert not is_verified_after(email=new_email())
    assert not is_verified_after(email=ada.email)
