"""Tokens that two people have: the owner, and somebody who has copied them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from shared.race import together

from .people import PASSWORD, log_in, sign_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from .people import Person

RACERS = 20


@pytest.fixture
def refresh(base_url: str) -> Callable[[str], httpx.Response]:
    """Exchange a refresh token, over a connection of its own."""

    def exchange(token: str) -> httpx.Response:
        return httpx.post(f"{base_url}/auth/refresh", json={"refresh_token": token}, timeout=10)

    return exchange


def family_of(person: Person, database_url: str) -> int:
    """Count the refresh tokens that there are of a person."""
    with psycopg.connect(database_url) as conn:
        query = """
            SELECT count(*)
              FROM refresh_tokens
              JOIN sessions ON sessions.id = refresh_tokens.session_id
             WHERE sessions.user_id = %s
            """
        row = conn.execute(query, [person.id]).fetchone()
    return row[0] if row else 0


def alive(http: httpx.Client, token: str) -> bool:
    """Tell whether an access token opens anything."""
    return http.get("/auth/me", headers={"Authorization": f"Bearer {token}"}).is_success


def test_twenty_who_exchange_one_token_at_once_get_one_pair_between_them(
    http: httpx.Client, ada: Person, refresh: Callable[[str], httpx.Response], database_url: str
) -> None:
    answers = together(RACERS, lambda _: refresh(ada.refresh_token))

    pairs = {
        (answer.json()["access_token"], answer.json()["refresh_token"])
        for answer in answers
        if isinstance(answer, httpx.Response) and answer.status_code == 200
    }
    assert len([each for each in answers if isinstance(each, httpx.Response)]) == RACERS
    assert len(pairs) == 1
    assert family_of(ada, database_url) == 2
    ((access_token, _),) = pairs
    assert alive(http, access_token)


def test_a_thief_who_comes_after_the_owner_ends_it_for_both(
    http: httpx.Client, ada: Person, refresh: Callable[[str], httpx.Response], database_url: str
) -> None:
    elsewhere = log_in(http, ada)
    second = refresh(ada.refresh_token).json()
    third = refresh(second["refresh_token"]).json()

    stolen = together(RACERS, lambda _: refresh(ada.refresh_token).status_code)

    assert stolen == [401] * RACERS
    for token in (ada.token, second["access_token"], third["access_token"]):
        assert not alive(http, token)
    assert refresh(third["refresh_token"]).status_code == 401
    assert alive(http, elsewhere.token)
    assert family_of(ada, database_url) == 1


def test_a_thief_who_comes_before_the_owner_is_found_out_as_well(
    http: httpx.Client, ada: Person, refresh: Callable[[str], httpx.Response]
) -> None:
    thiefs = refresh(ada.refresh_token).json()
    thiefs = refresh(thiefs["refresh_token"]).json()
    assert alive(http, thiefs["access_token"])

    assert refresh(ada.refresh_token).status_code == 401

    assert not alive(http, thiefs["access_token"])
    assert refresh(thiefs["refresh_token"]).status_code == 401


@pytest.mark.parametrize("way_out", ["logout", "logout-everywhere", "password"])
def test_whoever_refreshes_while_the_owner_leaves_has_nothing_in_the_end(
    http: httpx.Client,
    refresh: Callable[[str], httpx.Response],
    base_url: str,
    way_out: str,
) -> None:
    for _ in range(5):
        ada = sign_up(http, "Ada")
        owner = ada if way_out != "password" else log_in(http, ada)
        change = {"current_password": PASSWORD, "new_password": "another horse and battery"}
        body = change if way_out == "password" else None

        def race(number: int, ada: Person = ada, owner: Person = owner) -> httpx.Response:
            if number % 4:
                return refresh(ada.refresh_token)
            url = f"{base_url}/auth/{way_out}"
            return httpx.post(url, json=body, headers=owner.headers, timeout=10)  # noqa: B023

        answers = together(8, race)

        handed_out = [
            answer.json()
            for answer in answers
            if isinstance(answer, httpx.Response) and answer.status_code == 200
        ]
        for pair in handed_out:
            assert not alive(http, pair["access_token"])
            assert refresh(pair["refresh_token"]).status_code == 401
        assert not alive(http, ada.token)


def test_a_stolen_token_cannot_be_used_to_keep_the_account(http: httpx.Client, ada: Person) -> None:
    # Whoever has a token and not the password cannot make either of them his own.
    stolen = ada.headers
    guess = {"current_password": "a guess", "new_password": "the thief's own password"}

    assert http.post("/auth/password", json=guess, headers=stolen).status_code == 403
    for body in ({"email": "thief@example.com"}, {"password": "the thief's own password"}):
        assert http.patch(f"/users/{ada.id}", json=body, headers=stolen).is_client_error
    assert http.put(f"/users/{ada.id}", json={}, headers=stolen).status_code == 403

    owner = log_in(http, ada)
    assert http.post("/auth/logout-everywhere", headers=owner.headers).status_code == 204
    assert not alive(http, ada.token)
