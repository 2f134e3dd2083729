"""Finding out who has an account, by what a login says, or by how much work it makes."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

import bcrypt
import httpx
import pytest

from phase4_layered.adapters.passwords import Passwords
from phase4_layered.main import create_app
from phase4_layered.tests.people import UNLIMITED

from .people import PASSWORD, log_in, sign_up, told
from .settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .people import Person


@pytest.fixture
def emails(http: httpx.Client, admin: Person) -> dict[str, str]:
    """Name an e-mail of each kind that a login fails for."""
    known, gone = sign_up(http), sign_up(http)
    http.delete(f"/users/{gone.id}", headers=admin.headers).raise_for_status()
    email = f"no.password.{secrets.token_hex(8)}@example.com"
    without_password = {"name": "From the provider", "email": email}
    http.post("/users", json=without_password, headers=admin.headers).raise_for_status()
    return {
        "known": known.email,
        "known, in capitals": known.email.upper(),
        "deleted": gone.email,
        "without a password": email,
        "unknown": f"nobody.{secrets.token_hex(8)}@example.com",
        "admin": admin.email,
    }


@pytest.mark.parametrize("path", ["/auth/login", "/auth/session"])
def test_a_login_that_fails_says_the_same_of_everybody(
    http: httpx.Client, emails: dict[str, str], path: str
) -> None:
    def attempt(email: str) -> httpx.Response:
        return http.post(path, json={"email": email, "password": "not the password"})

    answers = {kind: told(attempt(email)) for kind, email in emails.items()}

    for kind, answer in answers.items():
        assert answer == answers["unknown"], kind
        assert answer[0] == 401
        assert "set-cookie" not in answer[2]


def test_a_login_that_fails_makes_as_much_work_for_everybody(
    emails: dict[str, str],
    environment: dict[str, str],
    database_url: str,
    work: Callable[[], int],
) -> None:
    # Those who came before the cost rose have hashes of the old one, 4.
    env = {**environment, **UNLIMITED, "BCRYPT_COST": "7", "DATABASE_URL": database_url}
    app = create_app(settings_of(env))

    async def attempt_each() -> dict[str, int]:
        transport = httpx.ASGITransport(app)
        done: dict[str, int] = {}
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://shop") as client,
        ):
            for kind, email in emails.items():
                wrong = {"email": email, "password": "not the password"}
                work()
                assert (await client.post("/auth/login", json=wrong)).status_code == 401
                done[kind] = work()
        return done

    assert asyncio.run(attempt_each()) == dict.fromkeys(emails, 2**7)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the rounds of bcrypt that were asked for; returns and forgets how many there were."""
    rounds: list[int] = []

    def counted(real: Callable[[bytes, bytes], object]) -> Callable[[bytes, bytes], object]:
        def hash_and_count(password: bytes, salt: bytes) -> object:
            rounds.append(2 ** int(salt.split(b"$")[2]))
            return real(password, salt)

        return hash_and_count

    def since() -> int:
        total = sum(rounds)
        rounds.clear()
        return total

    for name in ("checkpw", "hashpw"):
        monkeypatch.setattr(bcrypt, name, counted(getattr(bcrypt, name)))
    return since


def test_the_work_is_counted_where_it_is_done(work: Callable[[], int]) -> None:
    passwords = Passwords("p" * 32, 5, 1)
    try:
        hashed = asyncio.run(passwords.hash(PASSWORD))
        assert work() == 2**5
        assert asyncio.run(passwords.verify(PASSWORD, hashed))
        assert work() == 2**5
    finally:
        passwords.close()


def test_a_refresh_token_is_refused_in_one_way(http: httpx.Client, ada: Person) -> None:
    ended = log_in(http, ada)
    http.post("/auth/logout", headers=ended.headers).raise_for_status()
    reused = log_in(http, ada)
    successor = http.post("/auth/refresh", json={"refresh_token": reused.refresh_token})
    http.post("/auth/refresh", json={"refresh_token": successor.json()["refresh_token"]})
    bad = {
        "unknown": secrets.token_urlsafe(32),
        "of an ended session": ended.refresh_token,
        "used before": reused.refresh_token,
        "an access token": ada.token[:200],
        "changed": ada.refresh_token.swapcase(),
        "padded": ada.refresh_token + "=",
        "with a space": ada.refresh_token + " ",
        "a word": "token",
    }

    answers = {
        kind: told(http.post("/auth/refresh", json={"refresh_token": token}))
        for kind, token in bad.items()
    }

    for kind, answer in answers.items():
        assert answer == answers["unknown"], kind
        assert answer[0] == 401


def test_signing_up_tells_that_an_address_is_taken_and_nothing_about_whose_it_is(
    http: httpx.Client, ada: Person, admin: Person
) -> None:
    def attempt(email: str) -> httpx.Response:
        return http.post(
            "/auth/signup", json={"name": "Mallory", "email": email, "password": PASSWORD}
        )

    of_a_user, of_an_admin = attempt(ada.email), attempt(admin.email.upper())

    assert told(of_a_user) == told(of_an_admin)
    assert of_a_user.status_code == 409
    assert ada.email not in of_a_user.text


@pytest.mark.parametrize("person", ["ada", "admin"])
def test_whether_somebody_exists_is_not_told_to_users(
    http: httpx.Client, mallory: Person, ada: Person, admin: Person, person: str
) -> None:
    somebody = ada if person == "ada" else admin

    for path in ("", "/summary"):
        known = http.get(f"/users/{somebody.id}{path}", headers=mallory.headers)
        unknown = http.get(f"/users/{2**60}{path}", headers=mallory.headers)
        assert known.text == unknown.text.replace(str(2**60), str(somebody.id))
