"""Plans: who is asking is found by an index, too, and so is what ends, expires or is deleted.

It is asked at every request, so reading a whole table for it would be the costliest query of all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString

import psycopg
import pytest

from phase4_layered.domain.clock import utc_now
from phase4_layered.domain.logins import Profile
from phase4_layered.domain.sessions import digest
from phase4_layered.services.identities import account_of
from phase4_layered.services.retention import AT_ONCE, EXPIRING

from .conftest import as_user
from .people import Person, first_admin
from .test_plans import Plans, plans_of_work, serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from phase4_layered.repositories.unit_of_work import PostgresUnitOfWork
    from phase4_layered.settings import Settings

    Look = Callable[[PostgresUnitOfWork], Awaitable[object]]
    Ask = Callable[[httpx.AsyncClient, Plans, Person], Awaitable[httpx.Response]]

ISSUER = "https://id.example.org"

# Each user has two sessions by a cookie and two by tokens, which were exchanged twice. A tenth of
# all that expires has expired.
SEED: tuple[LiteralString, ...] = (
    """
    INSERT INTO users (name, email)
    SELECT 'User ' || i, 'user' || i || '@example.com'
      FROM generate_series(1, 5000) AS i
    """,
    """
    INSERT INTO identities (issuer, subject, user_id)
    SELECT 'https://id.example.org', email, id
      FROM users
    """,
    """
    INSERT INTO sessions (user_id, cookie_hash, created_at, last_used_at, expires_at)
    SELECT 2 + i % 5000, CASE WHEN i > 10000 THEN sha256(('cookie-' || i - 10000)::bytea) END,
           now() - interval '12 hours', now() - interval '2 minutes',
           now() + (i % 10000 - 1000) * interval '1 second'
      FROM generate_series(1, 20000) AS i
    """,
    """
    INSERT INTO refresh_tokens
           (hash, session_id, parent, seed, access_jti, issued_at, access_expires_at, expires_at)
    SELECT sha256(('token-' || i)::bytea), sessions.id,
           CASE WHEN i % 3 > 0 THEN sha256(('token-' || i - 1)::bytea) END,
           CASE WHEN i % 3 > 0 THEN sha256('seed') END,
           gen_random_uuid(), now(), now(), sessions.expires_at
      FROM generate_series(0, 29999) AS i
      JOIN sessions ON sessions.id = 1 + i / 3
    """,
    """
    INSERT INTO revoked_tokens (jti, expires_at)
    SELECT gen_random_uuid(), now() + (i - 2000) * interval '1 second'
      FROM generate_series(1, 20000) AS i
    """,
    """
    INSERT INTO oauth_logins (state_hash, nonce, code_verifier, return_to, expires_at)
    SELECT sha256(i::text::bytea), 'nonce', 'verifier', '/', now() + (i - 500) * interval '1 second'
      FROM generate_series(1, 5000) AS i
    """,
    """
    INSERT INTO orders (user_id, total)
    SELECT id, 0
      FROM users
     WHERE id > 81
    """,
    """
    INSERT INTO idempotency_keys (user_id, key, fingerprint, order_id)
    SELECT user_id, 'key', sha256('order'), id
      FROM orders
    """,
    "VACUUM (ANALYZE)",
)


@pytest.fixture(scope="module")
def full(settings: Settings) -> Settings:
    """Fill the database, so that reading a whole table would be a bad idea."""
    with psycopg.connect(settings.database_url, autocommit=True) as conn:
        for statement in SEED:
            conn.execute(statement)
    return settings


@pytest.fixture
def admin(environment: dict[str, str]) -> Person:
    """Know somebody who can log in."""
    return first_admin(environment)


async def a_token(http: httpx.AsyncClient, *_: object) -> httpx.Response:
    """Be known by a token."""
    return await http.get("/auth/me")


async def a_login(http: httpx.AsyncClient, _: Plans, person: Person) -> httpx.Response:
    """Log in for tokens."""
    given = {"email": person.email, "password": person.password}
    return await http.post("/auth/login", json=given)


async def refreshed(http: httpx.AsyncClient, token: str) -> httpx.Response:
    """Exchange a token."""
    return await http.post("/auth/refresh", json={"refresh_token": token})


async def a_refresh(http: httpx.AsyncClient, plans: Plans, person: Person) -> httpx.Response:
    """Exchange the token of a login."""
    first = (await a_login(http, plans, person)).json()["refresh_token"]
    plans.clear()
    return await refreshed(http, first)


async def a_lost_answer(http: httpx.AsyncClient, plans: Plans, person: Person) -> httpx.Response:
    """Exchange it once more, at once."""
    first = (await a_login(http, plans, person)).json()["refresh_token"]
    (await refreshed(http, first)).raise_for_status()
    plans.clear()
    return await refreshed(http, first)


async def a_theft(http: httpx.AsyncClient, plans: Plans, person: Person) -> httpx.Response:
    """Exchange it once more, after its successor was."""
    first = (await a_login(http, plans, person)).json()["refresh_token"]
    second = (await refreshed(http, first)).json()["refresh_token"]
    (await refreshed(http, second)).raise_for_status()
    plans.clear()
    return await refreshed(http, first)


async def a_cookie(http: httpx.AsyncClient, _: Plans, person: Person) -> httpx.Response:
    """Log in for a cookie, in the place of another."""
    given = {"email": person.email, "password": person.password}
    earlier = {"Cookie": "__Host-session=cookie-5000"}
    return await http.post("/auth/session", json=given, headers=earlier)


async def a_session(http: httpx.AsyncClient, *_: object) -> httpx.Response:
    """Be known by a cookie that nobody has used for a minute."""
    del http.headers["Authorization"]
    return await http.get("/auth/me", headers={"Cookie": "__Host-session=cookie-5001"})


async def a_logout(http: httpx.AsyncClient, plans: Plans, person: Person) -> httpx.Response:
    """End the session of a token."""
    access = (await a_login(http, plans, person)).json()["access_token"]
    plans.clear()
    return await http.post("/auth/logout", headers={"Authorization": f"Bearer {access}"})


async def a_logout_everywhere(http: httpx.AsyncClient, *_: object) -> httpx.Response:
    """End all sessions of a user."""
    return await http.post("/auth/logout-everywhere", headers=as_user(79))


async def a_new_password(http: httpx.AsyncClient, _: Plans, person: Person) -> httpx.Response:
    """Put the same one in the place of the old one."""
    given = {"current_password": person.password, "new_password": person.password}
    return await http.post("/auth/password", json=given)


async def a_new_role(http: httpx.AsyncClient, *_: object) -> httpx.Response:
    """Make a user an admin, and back."""
    for role in ("admin", "user"):
        answer = await http.put("/users/80/role", json={"role": role})
    return answer


async def an_end(http: httpx.AsyncClient, *_: object) -> httpx.Response:
    """Delete a user, with all that let him in."""
    return await http.delete("/users/81")


CASES: list[tuple[Ask, int, set[str]]] = [
    (a_token, 200, {"users_pkey", "revoked_tokens_pkey"}),
    (a_session, 200, {"users_pkey", "sessions_cookie_hash_key", "sessions_pkey"}),
    (a_login, 200, {"users_email_key", "users_pkey"}),
    (a_refresh, 200, {"refresh_tokens_pkey", "sessions_pkey"}),
    (a_lost_answer, 200, {"refresh_tokens_parent_key", "sessions_pkey"}),
    (a_theft, 401, {"sessions_pkey", "refresh_tokens_session_id_idx"}),
    (a_cookie, 200, {"users_email_key", "users_pkey", "sessions_cookie_hash_key"}),
    (a_logout, 204, {"refresh_tokens_access_jti_key", "sessions_pkey"}),
    (a_logout_everywhere, 204, {"sessions_user_id_idx", "refresh_tokens_session_id_idx"}),
    (a_new_password, 204, {"users_pkey", "sessions_user_id_idx"}),
    (a_new_role, 200, {"users_pkey", "users_admin_idx"}),
    (an_end, 204, {"users_admin_idx", "sessions_user_id_idx", "identities_user_id_issuer_key"}),
]


@pytest.mark.parametrize(
    ("ask", "status", "indexes"), CASES, ids=[ask.__name__ for ask, *_ in CASES]
)
def test_who_is_asking_is_answered_from_the_indexes_made_for_it(
    ask: Ask, status: int, indexes: set[str], full: Settings, admin: Person
) -> None:
    async def plans_of_last() -> tuple[httpx.Response, str]:
        async with serving(full) as (http, plans):
            answer = await ask(http, plans, admin)
            return answer, "\n".join(plans)

    answer, plans = asyncio.run(plans_of_last())

    assert answer.status_code == status, answer.text
    assert {index for index in indexes if f" {index} " not in plans} == set(), plans
    assert "Seq Scan" not in plans


async def a_known_person(work: PostgresUnitOfWork) -> object:
    """Look for the account of an identity that has one."""
    return await account_of(work, ISSUER, Profile(sub="user77@example.com"), utc_now())


async def a_new_identity(work: PostgresUnitOfWork) -> object:
    """Give an account to the owner of its e-mail, who is new to us by the provider."""
    profile = Profile(sub="new", email="USER77@example.com", email_verified=True)
    return await account_of(work, ISSUER, profile, utc_now())


async def a_return(work: PostgresUnitOfWork) -> object:
    """Take away a login that has begun."""
    return await work.logins.take(digest("600"), utc_now())


VIA_PROVIDER: list[tuple[Look, set[str]]] = [
    (a_known_person, {"identities_pkey", "users_pkey"}),
    (a_new_identity, {"users_email_key", "users_pkey", "identities_user_id_issuer_key"}),
    (a_return, {"oauth_logins_pkey"}),
]


@pytest.mark.parametrize(
    ("look", "indexes"), VIA_PROVIDER, ids=[look.__name__ for look, _ in VIA_PROVIDER]
)
def test_who_comes_from_the_provider_is_found_by_the_indexes_made_for_it(
    look: Look, indexes: set[str], full: Settings
) -> None:
    plans = asyncio.run(plans_of_work(full, look))

    assert {index for index in indexes if f" {index} " not in plans} == set(), plans
    assert "Seq Scan" not in plans


def test_who_becomes_an_admin_is_found_by_e_mail(full: Settings) -> None:
    plans = asyncio.run(
        plans_of_work(full, lambda work: work.accounts.promote("USER77@example.com"))
    )

    assert " users_email_key " in plans
    assert "Seq Scan" not in plans


# Thousands at once are taken out of a table of this size by reading all of it, and rightly so; but
# which ones they are is found by an index, as is what goes with them.
def test_what_has_expired_is_found_by_when(full: Settings) -> None:
    async def forget(work: PostgresUnitOfWork) -> object:
        now = utc_now()
        return [await work.retention.forget_expired(what, now, AT_ONCE) for what in EXPIRING]

    plans = asyncio.run(plans_of_work(full, forget))

    for table in ("sessions", "refresh_tokens", "revoked_tokens", "oauth_logins"):
        assert f" {table}_expires_at_idx " in plans
    assert " refresh_tokens_session_id_idx " in plans
