"""What happens between an owner, a thief and the service, by a clock that the story sets.

Tokens are random, so they get names: R1 is the first refresh token to show up in a story, A1 the
first access token. Two that are the same have the same name.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from phase3_auth.sessions import digest

from ._naive_verifier import parsed
from ._people import Tokens, bearing, log_in, sign_up

if TYPE_CHECKING:
    from uuid import UUID

    import httpx
    import psycopg

OWNER, THIEF = "the owner", "the thief"
SHORT = 4
"""Letters of a hash that are shown, of 64."""


class Event(NamedTuple):
    """One step: who does what, what comes of it, and what the database holds afterwards."""

    time: str
    who: str
    does: str
    answer: str
    database: str
    kind: str

    @property
    def is_end(self) -> bool:
        """Whether from now on the thief has nothing that opens anything."""
        return self.kind == "ended" or (self.who == THIEF and self.kind == "refused")


class Stage:
    """The service with a clock that stands still, and a look into its database."""

    def __init__(self, http: httpx.Client, database: psycopg.Connection[Any]) -> None:
        self.http, self.database = http, database
        self.now = datetime(2026, 1, 1, 10, tzinfo=UTC)  # as _clock.py begins

    def set(self, time: str, day: int = 0) -> None:
        """Let it be this time (HH:MM or HH:MM:SS), today or some days later."""
        hour, minute, second, *_ = *map(int, time.split(":")), 0
        then = self.now.replace(hour=hour, minute=minute, second=second) + timedelta(days=day)
        seconds = (then - self.now).total_seconds()
        self.http.post("/clock", json={"seconds": seconds}).raise_for_status()
        self.now = then


class Story:
    """A story from its beginning; each has a morning and an owner of its own."""

    def __init__(self, stage: Stage, owner: str) -> None:
        self._stage, self._owner = stage, owner
        self._refresh_names: dict[bytes, str] = {}
        self._access_names: dict[str, str] = {}
        self.events: list[Event] = []
        self.holds: dict[str, Tokens] = {}
        """What is in whose hands."""
        stage.set("10:00", day=1)
        self._user_id = sign_up(stage.http, owner)

    # ------------------------------------------------------------ what people do

    def at(self, time: str) -> None:
        """Let it be this time."""
        self._stage.set(time)

    def log_in(self) -> None:
        """Let the owner log in."""
        self.holds[OWNER] = given = log_in(self._stage.http, self._owner)
        self._note(OWNER, "logs in", self._names(given), "given")

    def copy(self, *, only_access: bool = False) -> None:
        """Let the thief copy what the owner has, who still has it then."""
        stolen = self.holds[OWNER]
        self.holds[THIEF] = stolen = Tokens(stolen.access, "") if only_access else stolen
        self._note(THIEF, f"copies {self._names(stolen)}", "-", "stolen")

    def ask(self, who: str) -> None:
        """Let somebody ask for something of the owner's, with the access token."""
        token = self.holds[who].access
        answer = self._stage.http.get("/auth/me", headers=bearing(token))
        does, left = f"shows {self._access_name(token)}", self.left(token)
        if answer.is_success:
            self._note(who, does, f"{answer.status_code}, good for {left}", "given")
        else:
            why = f"denied with {left} left" if left else "expired"
            self._note(who, does, f"{answer.status_code}, {why}", "refused")

    def exchange(self, who: str) -> None:
        """Let somebody exchange the refresh token."""
        token, families = self.holds[who].refresh, self._families()
        does, known = f"exchanges {self._refresh_name(token)}", set(self._refresh_names)
        answer = self._stage.http.post("/auth/refresh", json={"refresh_token": token})
        if answer.is_success:
            given = answer.json()
            self.holds[who] = new = Tokens(given["access_token"], given["refresh_token"])
            again = ", the same again" if digest(new.refresh) in known else ""
            self._note(who, does, self._names(new) + again, "given")
        elif self._families() < families:
            self._note(who, does, f"{answer.status_code}, the family ends", "ended")
        else:
            self._note(who, does, str(answer.status_code), "refused")

    def log_out(self, who: str) -> None:
        """Let somebody log out."""
        headers = bearing(self.holds[who].access)
        answer = self._stage.http.post("/auth/logout", headers=headers).raise_for_status()
        self._note(who, "logs out", f"{answer.status_code}, the family ends", "ended")

    # ------------------------------------------------------------ what can be seen

    def left(self, token: str) -> str:
        """Tell how long an access token would be good for, if nobody denied it."""
        expires = datetime.fromtimestamp(parsed(token.split(".")[1])["exp"], UTC)
        seconds = int((expires - self._stage.now).total_seconds())
        return f"{seconds // 60}:{seconds % 60:02}" if seconds > 0 else ""

    def opens(self, who: str) -> tuple[str, int, int | None]:
        """Try what is in somebody's hands; returns its names and two statuses."""
        tokens, next_one = self.holds[who], None
        me = self._stage.http.get("/auth/me", headers=bearing(tokens.access)).status_code
        if tokens.refresh:
            fields = {"refresh_token": tokens.refresh}
            next_one = self._stage.http.post("/auth/refresh", json=fields).status_code
        return self._names(tokens), me, next_one

    def thief_in(self) -> tuple[str, str, str]:
        """Tell from when until when the thief was in, and what put an end to it."""
        events = iter(self.events)
        began = next((each for each in events if each.who == THIEF and each.kind == "given"), None)
        if began is None:
            return "never", "-", "-"
        ended = next(each for each in events if each.is_end)
        return began.time, ended.time, f"{ended.who} {ended.does}: {ended.answer}"

    def _note(self, who: str, does: str, answer: str, kind: str) -> None:
        time = f"{self._stage.now:%H:%M:%S}".removesuffix(":00")
        self.events.append(Event(time, who, does, answer, self._rows(), kind))

    def _families(self) -> int:
        query = "SELECT id FROM sessions WHERE user_id = %s"
        return len(self._stage.database.execute(query, [self._user_id]).fetchall())

    def _rows(self) -> str:
        """Write down what the database holds: tokens by name and hash, and what is denied."""
        tokens = self._stage.database.execute(
            """
            SELECT token.hash
              FROM refresh_tokens AS token
              JOIN sessions ON sessions.id = token.session_id
             WHERE sessions.user_id = %s
             ORDER BY token.issued_at
            """,
            [self._user_id],
        ).fetchall()
        denials = self._stage.database.execute("SELECT jti FROM revoked_tokens").fetchall()
        chain = " → ".join(self._row(*columns) for columns in tokens)
        denied = ", ".join(sorted(filter(None, (self._denial(*columns) for columns in denials))))
        return f"{chain or 'no tokens'}{f'; denied: {denied}' if denied else ''}"

    def _row(self, token_hash: bytes) -> str:
        return f"{self._refresh_names[token_hash]} {token_hash.hex()[:SHORT]}…"

    def _denial(self, jti: UUID) -> str | None:
        return self._access_names.get(str(jti))

    # ------------------------------------------------------------ names

    def _names(self, tokens: Tokens) -> str:
        refresh = f"{self._refresh_name(tokens.refresh)}, " if tokens.refresh else ""
        return refresh + self._access_name(tokens.access)

    def _refresh_name(self, token: str) -> str:
        next_name = f"R{len(self._refresh_names) + 1}"
        return self._refresh_names.setdefault(digest(token), next_name)

    def _access_name(self, token: str) -> str:
        next_name = f"A{len(self._access_names) + 1}"
        return self._access_names.setdefault(parsed(token.split(".")[1])["jti"], next_name)
