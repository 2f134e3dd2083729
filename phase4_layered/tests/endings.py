"""Every way in which somebody's session is ended, as a request that is ready to be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .people import (
    Person,
    Tokens,
    ask_refresh,
    is_known,
    log_in,
    new_password,
    new_person,
    open_browser,
    refresh,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx


@dataclass(frozen=True, slots=True)
class Family:
    """A session with tokens that have been exchanged a few times; the last ones are good."""

    owner: Person
    members: tuple[Tokens, ...]

    @property
    def last(self) -> Tokens:
        """The tokens that are good for another exchange."""
        return self.members[-1]

    def has_ended(self, http: httpx.Client) -> bool:
        """Tell whether nothing of it opens anything."""
        return not any(is_known(http, each) for each in self.members) and all(
            refusal(ask_refresh(http, each.refresh)) == (401, "invalid_refresh_token")
            for each in self.members
        )

    def lives(self, http: httpx.Client) -> bool:
        """Tell whether all of it opens what it should; there is one member more after that."""
        return all(is_known(http, each) for each in (*self.members, refresh(http, self.last)))


def new_family(http: httpx.Client) -> Family:
    """Sign somebody up, log in, and go through three pairs of tokens."""
    owner = new_person(http)
    first = log_in(http, owner)
    second = refresh(http, first)
    return Family(owner, (first, second, refresh(http, second)))


if TYPE_CHECKING:
    Send = Callable[[], httpx.Response]
    Prepare = Callable[[httpx.Client, Family, Tokens], Send]


def a_logout(http: httpx.Client, family: Family, _admin: Tokens) -> Send:
    """Log out."""
    return lambda: http.post("/auth/logout", headers=family.last.headers)


def a_logout_everywhere(http: httpx.Client, family: Family, _admin: Tokens) -> Send:
    """Log out everywhere, from another machine."""
    browser = open_browser(http, family.owner)
    return lambda: http.post("/auth/logout-everywhere", headers=browser.headers)


def a_password_change(http: httpx.Client, family: Family, _admin: Tokens) -> Send:
    """Change the password, on another machine."""
    browser = open_browser(http, family.owner)
    change = {"current_password": family.owner.password, "new_password": new_password()}
    return lambda: http.post("/auth/password", json=change, headers=browser.headers)


def an_admins_ending(http: httpx.Client, family: Family, admin: Tokens) -> Send:
    """Let an admin end the sessions of the user."""
    return lambda: http.delete(f"/users/{family.owner.id}/sessions", headers=admin.headers)


def a_deletion(http: httpx.Client, family: Family, admin: Tokens) -> Send:
    """Let an admin delete the user."""
    return lambda: http.delete(f"/users/{family.owner.id}", headers=admin.headers)


def a_stolen_token(http: httpx.Client, family: Family, _admin: Tokens) -> Send:
    """Show a token that was exchanged long ago."""
    return lambda: ask_refresh(http, family.members[0].refresh)


ENDINGS: tuple[Prepare, ...] = (
    a_logout,
    a_logout_everywhere,
    a_password_change,
    an_admins_ending,
    a_deletion,
    a_stolen_token,
)
EACH_ENDING = pytest.mark.parametrize("prepare", ENDINGS)


def has_done_it(answer: httpx.Response) -> bool:
    """Tell whether a session was ended; a thief hears only that his token is no good."""
    return answer.status_code == 204 or refusal(answer) == (401, "invalid_refresh_token")
