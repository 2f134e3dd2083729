"""Whose account an identity opens: linked by a verified e-mail only, and by one row for ever."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from shared.openid import come_back, cookie_header, cookies_of
from shared.race import together
from shared.witness import eventually, waiting_for_locks

from .rogue import rogue_provider, settings_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.fixtures import Serve
    from shared.servers import Server

    from .rogue import Claims, Rogue

    Db = psycopg.Connection[dict[str, Any]]

PASSWORD = "a password of nobody's"  # noqa: S105 - a made up one


@pytest.fixture(scope="module")
def one_rogue() -> Iterator[Rogue]:
    """Run the provider."""
    with rogue_provider() as rogue:
        yield rogue


@pytest.fixture
def rogue(one_rogue: Rogue) -> Rogue:
    """Give it as it should be."""
    one_rogue.behave()
    return one_rogue


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, one_rogue: Rogue) -> Server:
    """Serve the shop as its client."""
    limits = {"SIGNUP_PER_ADDRESS": "100000/hour", "LOGIN_PER_ADDRESS": "100000/minute"}
    return serve(env={"DATABASE_URL": database_url, **settings_for(one_rogue.issuer), **limits})


@pytest.fixture
def http(stranger: httpx.Client) -> httpx.Client:
    """Come as a browser does that nobody has logged in."""
    return stranger


@pytest.fixture
def db(database_url: str) -> Iterator[Db]:
    """Look into the database."""
    connect = psycopg.Connection[dict[str, Any]].connect
    with connect(database_url, autocommit=True, row_factory=dict_row) as conn:
        yield conn


def person(**claims: object) -> Claims:
    """Make somebody whom the shop does not know."""
    name = secrets.token_hex(8)
    return {
        "sub": f"sub-{name}",
        "email": f"{name}@example.com",
        "email_verified": True,
        "name": "Ada",
        **claims,
    }


def me(http: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Ask who has been logged in."""
    assert answer.status_code == 303, answer.text
    return http.get("/auth/me", headers=cookie_header(cookies_of(answer))).raise_for_status().json()


def sign_up(http: httpx.Client, email: str) -> int:
    """Open an account with a password; returns its id."""
    new = {"name": "Mallory", "email": email, "password": PASSWORD}
    return http.post("/auth/signup", json=new).raise_for_status().json()["id"]


def users_with(db: Db, email: str) -> list[dict[str, Any]]:
    """Find all users with an e-mail, in any case, and what belongs to them."""
    query = """
        SELECT id, name, email, email_verified, password_hash, password_version,
               ARRAY(SELECT subject
                       FROM identities
                      WHERE user_id = users.id) AS subjects
          FROM users
         WHERE lower(email) = lower(%(email)s)
        """
    return db.execute(query, {"email": email}).fetchall()


# ---------------------------------------------------------------- known and new


def test_a_new_person_gets_an_account_without_a_password(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada = person()

    user_id = me(http, rogue.enter(http, **ada))["id"]

    (user,) = users_with(db, ada["email"])
    assert user == {
        "id": user_id,
        "name": "Ada",
        "email": ada["email"],
        "email_verified": True,
        "password_hash": None,
        "password_version": 1,
        "subjects": [ada["sub"]],
    }


def test_a_known_identity_opens_its_account_whatever_becomes_of_the_e_mail(
    http: httpx.Client, rogue: Rogue
) -> None:
    ada, grace = person(), person()
    ada_id, grace_id = (me(http, rogue.enter(http, **each))["id"] for each in (ada, grace))

    for claims in (
        {"email": grace["email"]},
        {"email": f"new-{ada['email']}"},
        {"email_verified": False},
        {"email": None, "email_verified": None, "name": None},
    ):
        account = me(http, rogue.enter(http, **ada | claims))

        assert account["id"] == ada_id != grace_id
        assert account["email"] == ada["email"]


def test_a_deleted_user_who_comes_back_is_a_new_one(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada = person()
    first = me(http, rogue.enter(http, **ada))["id"]
    db.execute("DELETE FROM users WHERE id = %s", (first,))

    assert me(http, rogue.enter(http, **ada))["id"] > first


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada\t", "Ada"),
        ("A\0da", "Ada"),
        ("x" * 300, "x" * 100),
        ("😀" * 101, "😀" * 100),
        ("x" * 99 + "   y", "x" * 99),
        ("", None),
        (" \n\u2003", None),
        ("\0", None),
        (None, None),
        (5, None),
        (["Ada"], None),
        ({"given": "Ada"}, None),
    ],
)
def test_a_name_is_made_to_fit_and_else_taken_from_the_e_mail(
    http: httpx.Client, rogue: Rogue, told: object, kept: str | None
) -> None:
    ada = person(name=told)

    account = me(http, rogue.enter(http, **ada))

    assert account["name"] == (kept or ada["email"].partition("@")[0])


# ---------------------------------------------------------------- no verified e-mail


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        {"email_verified": "false"},
        {"email_verified": 1},
        {"email_verified": [True]},
        {"email": None},
        {"email": ""},
        {"email": "nobody"},
        {"email": 5},
        {"email": ["ada@example.com"]},
        {"email": "a" * 250 + "@example.com"},
        {"email": "ada@example.com\n"},
        {"email": "ada@example.com, eve@example.com"},
        {"email": "\0ada@example.com"},
    ],
)
def test_without_a_verified_e_mail_nobody_gets_in_and_nothing_is_written(
    claims: Claims, http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    theirs = person()
    sign_up(http, theirs["email"])
    before = counts(db)

    answer = rogue.enter(http, **person(email=theirs["email"]) | claims)

    assert answer.status_code == 403, answer.headers.get("location", answer.text)
    assert answer.json()["code"] == "email_not_verified"
    assert "__Host-session" not in cookies_of(answer)
    assert counts(db) == before
    (user,) = users_with(db, theirs["email"])
    assert (user["email_verified"], user["subjects"]) == (False, [])
    assert user["password_hash"] is not None


def counts(db: Db) -> dict[str, Any]:
    query = """
        SELECT (SELECT count(*) FROM users) AS users,
               (SELECT count(*) FROM identities) AS identities,
               (SELECT count(*) FROM sessions) AS sessions
        """
    return db.execute(query).fetchall()[0]


def test_an_e_mail_that_only_userinfo_tells_counts_as_well(serve: Serve, database_url: str) -> None:
    ada = person()
    with rogue_provider() as rogue:
        rogue.about = {"userinfo_endpoint": f"{rogue.issuer}/userinfo"}
        rogue.userinfo = ada
        settings = {"DATABASE_URL": database_url, **settings_for(rogue.issuer)}
        with httpx.Client(base_url=serve(env=settings).url) as http:
            account = me(http, rogue.enter(http, sub=ada["sub"]))
            others = rogue.enter(http, sub="somebody else")

    assert (account["email"], account["name"]) == (ada["email"], "Ada")
    assert (others.status_code, others.json()["code"]) == (401, "login_refused")


# ---------------------------------------------------------------- linking


def test_a_proven_account_keeps_its_password_and_its_sessions(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada = person()
    earlier = rogue.enter(http, **ada)
    user_id = me(http, earlier)["id"]
    hashed = "$2b$04$" + "x" * 53
    db.execute("UPDATE users SET password_hash = %s WHERE id = %s", (hashed, user_id))
    db.execute("DELETE FROM identities WHERE user_id = %s", (user_id,))

    again = rogue.enter(http, **person(sub="new", email=ada["email"].upper()))

    assert me(http, again)["id"] == me(http, earlier)["id"] == user_id
    (user,) = users_with(db, ada["email"])
    assert (user["password_hash"], user["password_version"]) == (hashed, 1)
    assert user["subjects"] == ["new"]


def test_whoever_is_given_somebodys_address_later_is_not_given_the_account(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada = person()
    owner = me(http, rogue.enter(http, **ada))

    heir = rogue.enter(http, **person(email=ada["email"]))

    assert (heir.status_code, heir.json()["code"]) == (403, "other_identity")
    assert cookies_of(heir) == {}
    assert me(http, rogue.enter(http, **ada)) == owner
    assert [user["subjects"] for user in users_with(db, ada["email"])] == [[ada["sub"]]]


def test_whoever_signed_up_with_a_foreign_address_is_out_when_its_owner_comes(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada, mallorys_own = person(), f"mallory-{secrets.token_hex(8)}"
    user_id = sign_up(http, ada["email"].upper())
    known = {"email": ada["email"], "password": PASSWORD}
    tokens = http.post("/auth/login", json=known).raise_for_status().json()
    cookie = cookie_header(cookies_of(http.post("/auth/session", json=known).raise_for_status()))
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    refresh = {"refresh_token": tokens["refresh_token"]}
    add = "INSERT INTO identities (issuer, subject, user_id) VALUES (%s, %s, %s)"
    db.execute(add, (rogue.issuer, mallorys_own, user_id))
    assert http.get("/auth/me", headers=bearer).json()["id"] == user_id

    owner = me(http, rogue.enter(http, **ada))

    assert owner["id"] == user_id
    assert http.get("/auth/me", headers=bearer).status_code == 401
    assert http.get("/auth/me", headers=cookie).status_code == 401
    assert http.post("/auth/refresh", json=refresh).status_code == 401
    assert http.post("/auth/login", json=known).status_code == 401
    assert me(http, rogue.enter(http, **person(sub=mallorys_own)))["id"] != user_id
    (user,) = users_with(db, ada["email"])
    assert (user["email_verified"], user["password_hash"]) == (True, None)
    assert (user["password_version"], user["subjects"]) == (2, [ada["sub"]])


def test_an_account_that_an_admin_has_made_waits_for_its_owner(
    http: httpx.Client, rogue: Rogue, db: Db
) -> None:
    ada = person()
    query = "INSERT INTO users (name, email) VALUES ('Ada', %s) RETURNING id"
    (made,) = db.execute(query, (ada["email"],)).fetchall()

    account = me(http, rogue.enter(http, **ada))

    assert account["id"] == made["id"]


# ---------------------------------------------------------------- at once

AT_ONCE = 12


def race(
    http: httpx.Client, rogue: Rogue, people: list[Claims]
) -> list[httpx.Response | Exception]:
    """Bring everybody to the door one by one, and let them in all at once."""
    started = [http.get("/auth/oauth/login") for _ in people]
    callbacks = [
        rogue.authorize(each.headers["location"], **claims)
        for each, claims in zip(started, people, strict=True)
    ]
    return together(
        len(people), lambda number: come_back(http, callbacks[number], cookies_of(started[number]))
    )


def ids_of(http: httpx.Client, answers: list[httpx.Response | Exception]) -> set[int]:
    return {me(http, each)["id"] for each in answers if isinstance(each, httpx.Response)}


@pytest.mark.parametrize("time", range(3))
def test_a_new_person_who_comes_many_times_at_once_gets_one_account(
    http: httpx.Client, rogue: Rogue, db: Db, time: int
) -> None:
    ada = person(name=f"Ada {time}")

    answers = race(http, rogue, [ada] * AT_ONCE)

    assert len(ids_of(http, answers)) == 1
    assert len(answers) == sum(isinstance(each, httpx.Response) for each in answers)
    assert [user["subjects"] for user in users_with(db, ada["email"])] == [[ada["sub"]]]


@pytest.mark.parametrize("time", range(3))
def test_an_identity_with_another_e_mail_each_time_gets_one_account(
    http: httpx.Client, rogue: Rogue, db: Db, time: int
) -> None:
    ada = person(name=f"Ada {time}")
    people = [{**ada, "email": f"{number}.{ada['email']}"} for number in range(AT_ONCE)]

    answers = race(http, rogue, people)

    assert len(ids_of(http, answers)) == 1
    made = [users_with(db, each["email"]) for each in people]
    assert [user["subjects"] for users in made for user in users] == [[ada["sub"]]]


@pytest.mark.parametrize("time", range(3))
def test_of_identities_with_one_e_mail_one_gets_the_account(
    http: httpx.Client, rogue: Rogue, db: Db, time: int
) -> None:
    email = f"{time}.{person()['email']}"
    people = [person(email=email) for _ in range(AT_ONCE)]

    answers = race(http, rogue, people)

    statuses = [each.status_code for each in answers if isinstance(each, httpx.Response)]
    assert sorted(statuses) == [303, *[403] * (AT_ONCE - 1)]
    (user,) = users_with(db, email)
    assert user["subjects"] == [people[statuses.index(303)]["sub"]]


def test_an_account_cannot_be_deleted_while_it_is_linked(
    http: httpx.Client, rogue: Rogue, db: Db, database_url: str
) -> None:
    ada = person()
    user_id = me(http, rogue.enter(http, **ada))["id"]
    db.execute("DELETE FROM identities WHERE user_id = %s", (user_id,))
    with ThreadPoolExecutor() as pool:
        with psycopg.connect(database_url) as holding:
            holding.execute("LOCK TABLE identities IN SHARE ROW EXCLUSIVE MODE")
            entering = pool.submit(rogue.enter, http, **person(email=ada["email"]))
            eventually(lambda: waiting_for_locks(holding) == 1)
            deleting = pool.submit(db.execute, "DELETE FROM users WHERE id = %s", (user_id,))
            eventually(lambda: waiting_for_locks(holding) == 2)

        assert entering.result().status_code == 303
        assert deleting.result().rowcount == 1


@pytest.mark.parametrize("time", range(3))
def test_a_signup_at_the_same_moment_ends_in_the_owners_hands(
    http: httpx.Client, rogue: Rogue, db: Db, time: int
) -> None:
    ada = person(name=f"Ada {time}")
    started = http.get("/auth/oauth/login")
    callback = rogue.authorize(started.headers["location"], **ada)
    new = {"name": "Mallory", "email": ada["email"], "password": PASSWORD}

    def rush(number: int) -> httpx.Response:
        if number:
            return http.post("/auth/signup", json=new)
        return come_back(http, callback, cookies_of(started))

    owner, mallory = together(2, rush)

    assert isinstance(owner, httpx.Response)
    assert isinstance(mallory, httpx.Response)
    assert mallory.status_code in {201, 409}
    (user,) = users_with(db, ada["email"])
    assert me(http, owner)["id"] == user["id"]
    assert (user["password_hash"], user["email_verified"]) == (None, True)
