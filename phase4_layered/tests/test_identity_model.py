"""Identity as a few dicts would keep it: whatever is done to both, they let in the same people."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import settings
from hypothesis import strategies as some
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType] -- it has no annotations
)

from .movable_clock import MODULE, MovableClock
from .people import (
    UNLIMITED,
    Browser,
    Login,
    Person,
    Tokens,
    ask_cookie,
    ask_refresh,
    ask_tokens,
    browser_of,
    first_admin,
    log_in,
    new_password,
    new_person,
    refusal,
    tokens_of,
)
from .working import forget

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    import httpx
    from hypothesis.stateful import MultipleResults

    from shared.fixtures import Serve
    from shared.servers import Server

ACCESS, REFRESH, FAMILY = timedelta(minutes=15), timedelta(days=14), timedelta(days=90)
GRACE, IDLE, LIFETIME = timedelta(seconds=10), timedelta(minutes=30), timedelta(hours=12)
A_SECOND, A_MINUTE = timedelta(seconds=1), timedelta(minutes=1)

# Just up to a limit, onto it, and beyond.
TIMES = some.sampled_from(
    [
        *(A_SECOND, GRACE - A_SECOND, GRACE, GRACE + A_SECOND, A_MINUTE - A_SECOND, A_MINUTE),
        *(ACCESS - GRACE, ACCESS, IDLE - A_SECOND, IDLE, LIFETIME),
        *(REFRESH - A_SECOND, REFRESH / 2, REFRESH, FAMILY - REFRESH),
    ]
)


@dataclass(eq=False)
class Account:
    """What the model knows of somebody."""

    person: Person
    role: str = "user"
    exists: bool = True


@dataclass(eq=False)
class Session:
    """What the model knows of a login; the time of its last use is kept to the minute."""

    owner: Account
    ends: datetime
    last_used: datetime
    idle: timedelta | None = None  # of one with a cookie
    ended: bool = False

    def lives(self, now: datetime) -> bool:
        """Tell whether it goes on."""
        in_use = self.idle is None or now - self.last_used < self.idle
        return not self.ended and self.owner.exists and now < self.ends and in_use

    def use(self, now: datetime) -> None:
        """Note that it was used."""
        if now - self.last_used >= A_MINUTE:
            self.last_used = now


@dataclass(eq=False)
class Pass:
    """What somebody was given to show: tokens or a cookie."""

    login: Login
    session: Session
    issued: datetime
    access_ends: datetime
    refresh_ends: datetime
    successor: Pass | None = None
    forgotten: bool = False

    def opens(self, now: datetime) -> bool:
        """Tell whether it opens anything now."""
        return self.session.lives(now) and now < self.access_ends


@dataclass
class Model:
    """All that was ever given out."""

    accounts: list[Account] = field(default_factory=list[Account])
    passes: list[Pass] = field(default_factory=list[Pass])

    def begin(self, owner: Account, login: Login, now: datetime) -> Pass:
        """Note a login."""
        if isinstance(login, Browser):
            session = Session(owner, now + LIFETIME, now, IDLE)
            return self._note(Pass(login, session, now, session.ends, session.ends))
        return self.go_on(Session(owner, now + FAMILY, now), login, now)

    def go_on(self, session: Session, login: Login, now: datetime) -> Pass:
        """Note a pair of tokens."""
        access_ends, refresh_ends = now + ACCESS, min(now + REFRESH, session.ends)
        return self._note(Pass(login, session, now, min(access_ends, refresh_ends), refresh_ends))

    def _note(self, given: Pass) -> Pass:
        self.passes.append(given)
        return given

    def end(self, sessions: Iterable[Session]) -> None:
        """End sessions."""
        for session in sessions:
            session.ended = True

    def sessions_of(self, owner: Account) -> list[Session]:
        """List all sessions somebody has had."""
        return [each.session for each in self.passes if each.session.owner is owner]

    def forget(self, now: datetime) -> None:
        """Forget the refresh tokens that have expired; whether they were used goes with them."""
        for each in self.passes:
            each.forgotten = each.forgotten or each.refresh_ends <= now


class Identity(RuleBasedStateMachine):
    """Does to both the same, in any order."""

    http: httpx.Client
    conn: psycopg.Connection[Any]
    door: HTTPConnection
    clock: MovableClock
    admin: Person

    people: Bundle[Account] = Bundle("people")
    tokens: Bundle[Pass] = Bundle("tokens")
    cookies: Bundle[Pass] = Bundle("cookies")
    passes = some.one_of(tokens, cookies)

    @initialize(target=people)
    def open(self) -> MultipleResults[Account]:
        """Begin with two people; what others left in the database stays."""
        self.model = Model()
        return multiple(self.sign_up_one(), self.sign_up_one())

    def sign_up_one(self) -> Account:
        """Open an account for both."""
        account = Account(new_person(self.http))
        self.model.accounts.append(account)
        return account

    # ------------------------------------------------------------ coming in

    @rule(target=tokens, who=people)
    def log_in(self, who: Account) -> Pass | MultipleResults[Pass]:
        """Log in as a program."""
        answer = ask_tokens(self.http, who.person)
        if not who.exists:
            assert refusal(answer) == (401, "invalid_credentials")
            return multiple()
        return self.model.begin(who, tokens_of(answer), self.clock())

    @rule(target=cookies, who=people, earlier=some.none() | cookies)
    def open_session(self, who: Account, earlier: Pass | None) -> Pass | MultipleResults[Pass]:
        """Log in as a browser, that may have a cookie from before, good or not."""
        shown = browser(earlier).shown if earlier else None
        answer = ask_cookie(self.http, who.person, shown)
        if not who.exists:
            assert refusal(answer) == (401, "invalid_credentials")
            return multiple()
        if earlier:
            self.model.end([earlier.session])
        return self.model.begin(who, browser_of(answer), self.clock())

    @rule(who=people, ask=some.sampled_from([ask_tokens, ask_cookie]))
    def guess(self, who: Account, ask: Any) -> None:  # noqa: ANN401 -- one of the two
        """Try a wrong password."""
        answer = ask(self.http, replace(who.person, password=new_password()))
        assert refusal(answer) == (401, "invalid_credentials")

    # ------------------------------------------------------------ going on

    @rule(target=tokens, given=tokens)
    def refresh(self, given: Pass) -> Pass | MultipleResults[Pass]:
        """Show a token that may be new, used, expired, or of a session that has ended."""
        return self.exchange(given)

    @rule(target=tokens, back=some.integers(0, 3))
    def refresh_one_of_late(self, back: int) -> Pass | MultipleResults[Pass]:
        """Show one of the last few: the newest, or one that may just have been used."""
        lately = [each for each in self.model.passes if isinstance(each.login, Tokens)][-1 - back :]
        return self.exchange(lately[0]) if lately else multiple()

    def exchange(self, given: Pass) -> Pass | MultipleResults[Pass]:
        """Show a refresh token, and say what must come of it."""
        answer, now = ask_refresh(self.http, pair(given).refresh), self.clock()
        session, successor = given.session, given.successor
        if successor is None and session.lives(now) and now < given.refresh_ends:
            given.successor = self.model.go_on(session, tokens_of(answer), now)
            return given.successor
        if successor is not None and session.lives(now) and not successor.forgotten:
            if successor.successor is None and now - successor.issued <= GRACE:
                assert tokens_of(answer) == successor.login
                return multiple()
            self.model.end([session])
        assert refusal(answer) == (401, "invalid_refresh_token")
        return multiple()

    @rule(time=TIMES)
    def let_time_pass(self, time: timedelta) -> None:
        """Let time pass."""
        self.clock.let_pass(time)

    @rule()
    def forget(self) -> None:
        """Tidy the database up."""
        forget(self.conn, self.clock())
        self.model.forget(self.clock())

    # ------------------------------------------------------------ ending it

    @rule(by=passes)
    def log_out(self, by: Pass) -> None:
        """Log out with whatever somebody has."""
        if self.is_let_in(by, self.post("/auth/logout", by)):
            self.model.end([by.session])

    @rule(by=passes)
    def log_out_everywhere(self, by: Pass) -> None:
        """Log out everywhere."""
        if self.is_let_in(by, self.post("/auth/logout-everywhere", by)):
            self.model.end(self.model.sessions_of(by.session.owner))

    @rule(by=passes)
    def change_password(self, by: Pass) -> None:
        """Change the password, which ends all other sessions."""
        owner, new = by.session.owner, new_password()
        change = {"current_password": owner.person.password, "new_password": new}
        if self.is_let_in(by, self.post("/auth/password", by, change)):
            owner.person = replace(owner.person, password=new)
            ended = self.model.sessions_of(owner)
            self.model.end(each for each in ended if each is not by.session)

    @rule(by=passes)
    def fail_to_change_password(self, by: Pass) -> None:
        """Try to change the password without knowing it."""
        change = {"current_password": new_password(), "new_password": new_password()}
        status = self.post("/auth/password", by, change)
        if by.opens(self.clock()):
            assert status == 403
            by.session.use(self.clock())
        else:
            assert status == 401

    @rule(who=people)
    def end_by_admin(self, who: Account) -> None:
        """Let an admin end all sessions of somebody."""
        answer = self.http.delete(f"/users/{who.person.id}/sessions", headers=self.as_admin())
        assert answer.status_code == 204
        self.model.end(self.model.sessions_of(who))

    @rule(who=people, role=some.sampled_from(["user", "admin"]))
    def change_role(self, who: Account, role: str) -> None:
        """Let an admin make somebody an admin, or a user."""
        path = f"/users/{who.person.id}/role"
        answer = self.http.put(path, json={"role": role}, headers=self.as_admin())
        assert answer.status_code == (200 if who.exists else 404)
        who.role = role

    @rule(who=people)
    def delete(self, who: Account) -> None:
        """Let an admin delete somebody."""
        answer = self.http.delete(f"/users/{who.person.id}", headers=self.as_admin())
        assert answer.status_code == (204 if who.exists else 404)
        who.exists = False

    # ------------------------------------------------------------ what must be

    @invariant()
    def both_let_in_the_same(self) -> None:
        """Show everything that was ever given out."""
        for each in self.model.passes:
            self.door.request("GET", "/auth/me", headers=each.login.headers)
            with self.door.getresponse() as answer:
                told = json.loads(answer.read())
            owner = each.session.owner
            if self.is_let_in(each, answer.status):
                assert (told["id"], told["role"]) == (owner.person.id, owner.role)

    def teardown(self) -> None:
        """Exchange every token that was ever given out, the newest first."""
        for each in [*reversed(self.model.passes)] if hasattr(self, "model") else ():
            if isinstance(each.login, Tokens):
                self.exchange(each)

    # ------------------------------------------------------------ helpers

    def post(self, path: str, by: Pass, body: object = None) -> int:
        """Ask for something with whatever somebody has; returns the status."""
        return self.http.post(path, json=body, headers=by.login.headers).status_code

    def is_let_in(self, by: Pass, status: int) -> bool:
        """Check that somebody was let in exactly if the model says so; tell whether he was."""
        now = self.clock()
        if not by.opens(now):
            assert status == 401
            return False
        assert status in {200, 204}
        by.session.use(now)
        return True

    def as_admin(self) -> dict[str, str]:
        """Speak for the first admin, who logs in anew each time."""
        return log_in(self.http, self.admin).headers


def pair(given: Pass) -> Tokens:
    """Take what was given for tokens."""
    assert isinstance(given.login, Tokens)
    return given.login


def browser(given: Pass) -> Browser:
    """Take what was given for a cookie."""
    assert isinstance(given.login, Browser)
    return given.login


@pytest.fixture(scope="module")
def server(serve: Serve, database_url: str, clock_file: Path) -> Server:
    """Serve by a clock that is ours to move."""
    env = {**UNLIMITED, "DATABASE_URL": database_url, "CLOCK": str(clock_file)}
    return serve(MODULE, env=env)


def test_identity_is_what_a_model_of_a_few_dicts_makes_it(
    stranger: httpx.Client, database_url: str, environment: dict[str, str], clock: MovableClock
) -> None:
    # Shown at the door is everything after each step: a plain client takes a third of the time.
    door = HTTPConnection(str(stranger.base_url.host), stranger.base_url.port, timeout=10)
    with closing(door), psycopg.connect(database_url, autocommit=True) as conn:
        people = {"http": stranger, "door": door, "admin": first_admin(environment)}
        machine = type("Identity", (Identity,), {**people, "conn": conn, "clock": clock})

        run_state_machine_as_test(
            machine, settings=settings(max_examples=50, stateful_step_count=30, deadline=None)
        )
