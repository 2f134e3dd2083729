"""PostgreSQL stops or hangs: that is what is told, in time, and not that somebody is unknown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from shared.witness import eventually

from .people import ask_refresh, ask_tokens, log_in, new_person, open_browser

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from shared.proxy import Proxy

    Ask = Callable[[httpx.Client], httpx.Response]


def expect_unavailable(answer: httpx.Response) -> None:
    """Check that the refusal is complete."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "database_unavailable"
    assert int(answer.headers["retry-after"]) >= 1
    assert "www-authenticate" not in answer.headers
    assert "set-cookie" not in answer.headers


@pytest.fixture
def asked(through_proxy: httpx.Client) -> dict[str, Ask]:
    """Make what somebody asks who has a password, tokens and a cookie."""
    ada = new_person(through_proxy)
    tokens, browser = log_in(through_proxy, ada), open_browser(through_proxy, ada)
    return {
        "by token": lambda http: http.get("/orders", headers=tokens.headers),
        "by cookie": lambda http: http.get("/auth/me", headers=browser.headers),
        "login": lambda http: ask_tokens(http, ada),
        "refresh": lambda http: ask_refresh(http, tokens.refresh),
    }


def test_without_a_database_whoever_is_known_is_asked_for_patience_and_stays_known(
    asked: dict[str, Ask], through_proxy: httpx.Client, proxy: Proxy
) -> None:
    proxy.cut()
    for ask in asked.values():
        began = time.monotonic()

        answer = ask(through_proxy)

        assert time.monotonic() - began < 3  # POOL_TIMEOUT is 0.5
        expect_unavailable(answer)

    proxy.mend()

    eventually(lambda: through_proxy.get("/readyz").is_success)
    assert {name: ask(through_proxy).status_code for name, ask in asked.items()} == dict.fromkeys(
        asked, 200
    )


@pytest.mark.parametrize("name", ["by token", "refresh"])
def test_a_database_that_hangs_asks_for_patience_in_time(
    name: str, asked: dict[str, Ask], through_proxy: httpx.Client, proxy: Proxy
) -> None:
    proxy.stall()
    began = time.monotonic()

    answer = asked[name](through_proxy)

    assert time.monotonic() - began < 5  # STATEMENT_TIMEOUT is 1, and a second more
    expect_unavailable(answer)
    proxy.flow()
    eventually(lambda: asked[name](through_proxy).is_success)
