"""Refresh tokens: good for one exchange, given again if lost, fatal if shown by two."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.sql import SQL, Identifier

from shared.race import together

from .movable_clock import A_MOMENT, MODULE
from .people import (
    UNLIMITED,
    Tokens,
    ask_refresh,
    first_admin,
    is_known,
    log_in,
    new_person,
    open_browser,
    refresh,
    refusal,
    tokens_of,
)
from .working import forget

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    import psycopg

    from shared.fixtures import Serve
    from shared.servers import Server

    from .movable_clock import MovableClock

ACCESS, REFRESH, GRACE = timedelta(minutes=15), timedelta(days=14), timedelta(seconds=10)
FAMILY = timedelta(days=90)
REFUSED = (401, "invalid_refresh_token")


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, clock_file: Path) -> Server:
    """Serve by a clock that is ours to move."""
    env = {**UNLIMITED, "DATABASE_URL": database_url, "CLOCK": str(clock_file)}
    return serve(MODULE, env=env)


def all_ended(http: httpx.Client, *family: Tokens) -> bool:
    """Tell whether nothing of these tokens opens anything."""
    answers = [ask_refresh(http, each.refresh) for each in family]
    return not any(is_known(http, each) for each in family) and {
        refusal(answer) for answer in answers
    } == {REFUSED}


# ---------------------------------------------------------------- exchanged


def test_a_login_gives_a_pair_and_tells_nobody_on_the_way_to_keep_it(
    stranger: httpx.Client,
) -> None:
    ada = new_person(stranger)

    given = {"email": ada.email, "password": ada.password}
    answer = stranger.post("/auth/login", json=given)

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert list(answer.json()) == ["access_token", "token_type", "expires_in", "refresh_token"]
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
    assert len(answer.json()["refresh_token"]) == 43
    assert "set-cookie" not in answer.headers


def test_a_token_is_exchanged_for_another_pair_and_the_access_token_of_before_goes_on(
    stranger: httpx.Client,
) -> None:
    first = log_in(stranger, new_person(stranger))

    answer = ask_refresh(stranger, first.refresh)
    second = tokens_of(answer)

    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 900
    assert len({first.access, second.access, first.refresh, second.refresh}) == 4
    assert len(second.refresh) == 43
    assert is_known(stranger, first)
    assert is_known(stranger, second)


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(
    stranger: httpx.Client,
) -> None:
    tokens = log_in(stranger, new_person(stranger))

    assert ask_refresh(stranger, tokens.access).status_code == 422  # too long to be one
    assert not is_known(stranger, Tokens(tokens.refresh, tokens.access))
    assert is_known(stranger, refresh(stranger, tokens))


@pytest.mark.parametrize("token", ["x", "\0", "ÿ", "🦊", " ", "null"])
def test_what_was_never_given_out_is_refused(token: str, stranger: httpx.Client) -> None:
    answer = ask_refresh(stranger, token)

    assert refusal(answer) == REFUSED
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop"'


@pytest.mark.parametrize("token", ['""', '"' + "x" * 201 + '"', "null", "7", r'"\ud800"', "[]"])
def test_what_cannot_be_a_token_is_told_so(token: str, stranger: httpx.Client) -> None:
    answer = stranger.post(
        "/auth/refresh",
        content=f'{{"refresh_token": {token}}}',
        headers={"Content-Type": "application/json"},
    )

    assert refusal(answer) == (422, "invalid_payload")


def test_a_token_with_anything_around_it_is_another_one(stranger: httpx.Client) -> None:
    tokens = log_in(stranger, new_person(stranger))

    answers = [
        ask_refresh(stranger, text)
        for text in (f" {tokens.refresh}", f"{tokens.refresh}=", tokens.refresh.swapcase())
    ]

    assert {refusal(answer) for answer in answers} == {REFUSED}
    refresh(stranger, tokens)


# ---------------------------------------------------------------- given again


@pytest.mark.parametrize("later", [timedelta(0), GRACE])
def test_a_lost_answer_is_given_again_with_the_very_same_tokens(
    later: timedelta, stranger: httpx.Client, clock: MovableClock
) -> None:
    first = log_in(stranger, new_person(stranger))
    lost = ask_refresh(stranger, first.refresh)
    clock.let_pass(later)

    answers = [ask_refresh(stranger, first.refresh) for _ in range(3)]

    told = lost.json() | {"expires_in": 900 - later.seconds}
    assert [answer.json() for answer in answers] == [told] * 3
    assert is_known(stranger, tokens_of(lost))
    assert is_known(stranger, refresh(stranger, tokens_of(answers[-1])))


def test_twenty_who_ask_at_once_with_one_token_get_one_pair(
    stranger: httpx.Client, conn: psycopg.Connection[Any]
) -> None:
    first = log_in(stranger, new_person(stranger))

    answers = together(20, lambda _: tokens_of(ask_refresh(stranger, first.refresh)))

    assert set(answers) == {answers[0]}
    assert isinstance(answers[0], Tokens)
    assert is_known(stranger, answers[0])
    assert is_known(stranger, refresh(stranger, answers[0]))
    successors = "SELECT FROM refresh_tokens WHERE parent = sha256(%s)"
    assert len(conn.execute(successors, [first.refresh.encode()]).fetchall()) == 1


# ---------------------------------------------------------------- shown by two


def test_a_token_shown_after_the_grace_ends_its_family(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    first = log_in(stranger, new_person(stranger))
    second = refresh(stranger, first)
    clock.let_pass(GRACE + A_MOMENT)

    answer = ask_refresh(stranger, first.refresh)

    assert refusal(answer) == REFUSED
    assert not is_known(stranger, second)
    assert all_ended(stranger, first, second)


def test_a_token_shown_after_its_successor_was_used_ends_its_family_at_once(
    stranger: httpx.Client,
) -> None:
    first = log_in(stranger, new_person(stranger))
    second = refresh(stranger, first)
    third = refresh(stranger, second)

    answer = ask_refresh(stranger, first.refresh)

    assert refusal(answer) == REFUSED
    assert not any(is_known(stranger, each) for each in (first, second, third))
    assert all_ended(stranger, first, second, third)


def test_a_token_that_is_far_back_in_the_family_ends_it_as_well(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    family = [log_in(stranger, new_person(stranger))]
    for _ in range(5):
        clock.let_pass(GRACE * 2)
        family.append(refresh(stranger, family[-1]))

    answer = ask_refresh(stranger, family[2].refresh)

    assert refusal(answer) == REFUSED
    assert all_ended(stranger, *family)


def test_a_token_that_has_expired_since_it_was_used_ends_its_family_as_well(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    first = log_in(stranger, new_person(stranger))
    clock.let_pass(REFRESH / 2)
    second = refresh(stranger, first)
    clock.let_pass(REFRESH / 2)

    answer = ask_refresh(stranger, first.refresh)

    assert refusal(answer) == REFUSED
    assert all_ended(stranger, first, second)


def test_a_token_that_was_forgotten_since_it_was_used_ends_its_family_as_well(
    stranger: httpx.Client, clock: MovableClock, conn: psycopg.Connection[Any]
) -> None:
    first = log_in(stranger, new_person(stranger))
    clock.let_pass(REFRESH / 2)
    second = refresh(stranger, first)
    clock.let_pass(REFRESH / 2)
    forgotten = forget(conn, clock())

    answer = ask_refresh(stranger, first.refresh)

    assert forgotten["refresh tokens"] >= 1
    assert refusal(answer) == REFUSED
    assert all_ended(stranger, second)


def test_twenty_who_show_a_used_token_at_once_are_all_refused(
    stranger: httpx.Client,
) -> None:
    first = log_in(stranger, new_person(stranger))
    second = refresh(stranger, first)
    third = refresh(stranger, second)

    answers = together(20, lambda _: refusal(ask_refresh(stranger, first.refresh)))

    assert answers == [REFUSED] * 20
    assert all_ended(stranger, first, second, third)


def test_nobody_else_is_affected(stranger: httpx.Client, environment: dict[str, str]) -> None:
    ada = new_person(stranger)
    first, hers = log_in(stranger, ada), [log_in(stranger, ada), open_browser(stranger, ada)]
    admins = log_in(stranger, first_admin(environment))
    refresh(stranger, refresh(stranger, first))

    ask_refresh(stranger, first.refresh)

    assert not is_known(stranger, first)
    assert all(is_known(stranger, each) for each in (*hers, admins))
    assert is_known(stranger, refresh(stranger, admins))


# ---------------------------------------------------------------- as time goes by


def test_an_access_token_is_good_for_a_quarter_of_an_hour(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    tokens = log_in(stranger, new_person(stranger))

    clock.let_pass(ACCESS - A_MOMENT)
    before = is_known(stranger, tokens)
    clock.let_pass(A_MOMENT)

    assert before
    answer = stranger.get("/auth/me", headers=tokens.headers)
    assert refusal(answer) == (401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer realm="shop", error="invalid_token"'
    assert is_known(stranger, refresh(stranger, tokens))


def test_a_logout_denies_an_access_token_up_to_its_last_moment(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    tokens = log_in(stranger, new_person(stranger))
    clock.let_pass(ACCESS - A_MOMENT)

    stranger.post("/auth/logout", headers=tokens.headers).raise_for_status()

    assert not is_known(stranger, tokens)


def test_a_refresh_token_is_good_for_fourteen_days(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    ada = new_person(stranger)
    in_time, too_late = log_in(stranger, ada), log_in(stranger, ada)

    clock.let_pass(REFRESH - A_MOMENT)
    second = refresh(stranger, in_time)
    clock.let_pass(A_MOMENT)

    assert refusal(ask_refresh(stranger, too_late.refresh)) == REFUSED
    assert is_known(stranger, second)


def test_a_family_ends_after_ninety_days_however_busy_it_is(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    tokens, ends = log_in(stranger, new_person(stranger)), clock() + FAMILY
    while ends - clock() > REFRESH:
        clock.let_pass(REFRESH - A_MOMENT)
        tokens = refresh(stranger, tokens)

    clock.set(ends - timedelta(minutes=5))
    last = ask_refresh(stranger, tokens.refresh)
    clock.set(ends - A_MOMENT)
    before = is_known(stranger, tokens_of(last))
    clock.set(ends)

    assert last.json()["expires_in"] == 300
    assert before
    assert all_ended(stranger, tokens_of(last))


def test_an_answer_that_was_lost_is_not_given_again_when_the_family_is_over(
    stranger: httpx.Client, clock: MovableClock
) -> None:
    tokens, ends = log_in(stranger, new_person(stranger)), clock() + FAMILY
    while ends - clock() > REFRESH:
        clock.let_pass(REFRESH - A_MOMENT)
        tokens = refresh(stranger, tokens)
    clock.set(ends - GRACE / 2)
    refresh(stranger, tokens)

    clock.set(ends - A_MOMENT)
    again = ask_refresh(stranger, tokens.refresh)
    clock.set(ends)

    assert again.json()["expires_in"] == 0
    assert refusal(ask_refresh(stranger, tokens.refresh)) == REFUSED


def test_a_family_that_is_to_live_no_longer_than_a_token_does(
    stranger: httpx.Client,
    serve: Serve,
    database_url: str,
    clock: MovableClock,
) -> None:
    names = ("ACCESS_TOKEN_LIFETIME", "REFRESH_TOKEN_LIFETIME", "FAMILY_LIFETIME")
    own = {"CLOCK": str(clock.path), "DATABASE_URL": database_url}
    ada = new_person(stranger)
    stranger.base_url = serve(MODULE, env={**UNLIMITED, **own, **dict.fromkeys(names, "600")}).url

    first = stranger.post("/auth/login", json={"email": ada.email, "password": ada.password})
    clock.let_pass(timedelta(minutes=9))
    second = ask_refresh(stranger, tokens_of(first).refresh)
    clock.let_pass(timedelta(minutes=1))

    assert first.json()["expires_in"] == 600
    assert second.json()["expires_in"] == 60
    assert all_ended(stranger, tokens_of(first), tokens_of(second))


# ---------------------------------------------------------------- what is kept


def test_no_secret_that_was_given_out_stands_in_the_database(
    stranger: httpx.Client, environment: dict[str, str], conn: psycopg.Connection[Any]
) -> None:
    ada = new_person(stranger)
    first, browser = log_in(stranger, ada), open_browser(stranger, ada)
    second = refresh(stranger, first)
    third = refresh(stranger, second)
    families = [first, second, third, log_in(stranger, first_admin(environment))]
    given_out = [
        ada.password,
        environment["ADMIN_PASSWORD"],
        environment["PASSWORD_PEPPER"],
        environment["JWT_KEYS"].partition(":")[2],
        browser.cookie,
        browser.csrf,
        *[each.refresh for each in families],
        *[each.access for each in families],
        *[each.access.rpartition(".")[2] for each in families],
    ]

    kept = dump(conn)

    spelt = [text for secret in given_out for text in spellings(secret)]
    assert [text for text in spelt if text in kept] == []
    assert hashlib.sha256(third.refresh.encode()).hexdigest() in kept
    assert hashlib.sha256(browser.cookie.encode()).hexdigest() in kept


def dump(conn: psycopg.Connection[Any]) -> str:
    """Write out every row there is."""
    tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    rows: list[tuple[str]] = []
    for (table,) in tables:
        rows += conn.execute(SQL("SELECT t::text FROM {} AS t").format(Identifier(table)))
    return "\n".join(row for (row,) in rows)


def spellings(secret: str) -> list[str]:
    """Spell a secret as text, and as the bytes that it is or stands for."""
    spelt = [secret, secret.encode().hex()]
    if len(secret) == 43:
        spelt.append(base64.urlsafe_b64decode(f"{secret}=").hex())
    return spelt
