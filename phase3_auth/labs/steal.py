"""Steal a refresh token, and watch the family die.

A refresh token opens an account for two weeks, so it is worth stealing: out of a backup, a log, a
browser that was left open. The thief copies it, and the owner still has it. From then on there are
two who believe that it is theirs, and the service cannot tell which of them is right.

Five stories, by a clock that is set by hand (`_clock.py`): the thief uses the token first; the
owner does; the thief does within the ten seconds in which a lost answer is given again; and two in
which the access token alone was of use. How long is the thief in? What throws him out? Who has to
log in again?
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import psycopg

from ._lanes import draw
from ._people import HURRIED
from ._theft import OWNER, THIEF, Stage, Story

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.lab import Lab

SERVICE = "phase3_auth.labs._clock"


def run(lab: Lab) -> None:
    """Tell all stories, and try in the end what is in whose hands."""
    lab.predict("The thief exchanges the stolen token first. When is he thrown out, and by what?")
    lab.predict("And if the owner is first: who is thrown out when the thief comes?")
    stays: list[tuple[str, ...]] = []
    hands: list[tuple[str | int | None, ...]] = []
    with ExitStack() as stack:
        server = lab.serve(SERVICE, env=HURRIED)
        http = stack.enter_context(httpx.Client(base_url=server.url))
        stage = Stage(http, stack.enter_context(psycopg.connect(lab.database_url, autocommit=True)))
        for name, (title, tell) in STORIES.items():
            story = Story(stage, name)
            tell(story)
            show(lab, name, title, story)
            stays.append((title, *story.thief_in()))
            hands += [(title, who, *story.opens(who)) for who in (OWNER, THIEF)]
        server.settle()
        lab.block("What the service has logged", warnings(server.log()))
    lab.table("How long the thief is in", ("story", "from", "until", "ended by"), stays)
    lab.table(
        "What their tokens open in the end",
        ("story", "who", "holds", "access token", "refresh token"),
        hands,
    )
    lab.note(
        "Nothing in a request tells a thief from an owner. A token that comes a second time tells "
        "that there are two of them, and then the only safe thing is to send both back to the "
        "login, which only one of them can pass. So it takes both: while the owner stays away, "
        "nothing gives the thief of a refresh token away, and he can go on until the session's "
        "last day (FAMILY_LIFETIME)."
    )


def thief_first(story: Story) -> None:
    """Let the thief exchange the token before the owner does."""
    story.log_in()
    story.at("10:05")
    story.copy()
    story.exchange(THIEF)
    story.ask(THIEF)
    story.at("10:15")
    story.ask(OWNER)
    story.exchange(OWNER)
    story.at("10:16")
    story.ask(THIEF)
    story.exchange(THIEF)
    story.log_in()


def owner_first(story: Story) -> None:
    """Let the thief come with a token that is used up."""
    story.log_in()
    story.at("10:05")
    story.copy()
    story.at("10:15")
    story.exchange(OWNER)
    story.at("10:20")
    story.exchange(THIEF)
    story.at("10:21")
    story.ask(OWNER)
    story.exchange(OWNER)
    story.log_in()


def within_grace(story: Story) -> None:
    """Let the thief come at once after the owner: he passes for somebody whose answer was lost."""
    story.log_in()
    story.at("10:05")
    story.copy()
    story.at("10:15")
    story.exchange(OWNER)
    story.at("10:15:05")
    story.exchange(THIEF)
    story.ask(THIEF)
    story.at("10:30")
    story.exchange(OWNER)
    story.at("10:31")
    story.exchange(THIEF)
    story.ask(OWNER)
    story.log_in()


def unnoticed(story: Story) -> None:
    """Let the thief make do with the access token, which nobody notices."""
    story.log_in()
    story.at("10:05")
    story.copy(only_access=True)
    story.ask(THIEF)
    story.at("10:14:59")
    story.ask(THIEF)
    story.at("10:15")
    story.ask(THIEF)
    story.exchange(OWNER)


def logged_out(story: Story) -> None:
    """Let the owner log out in time."""
    story.log_in()
    story.at("10:05")
    story.copy(only_access=True)
    story.ask(THIEF)
    story.at("10:10")
    story.log_out(OWNER)
    story.ask(THIEF)
    story.log_in()


STORIES: dict[str, tuple[str, Callable[[Story], None]]] = {
    "thief_first": ("the thief is first", thief_first),
    "owner_first": ("the owner is first", owner_first),
    "within_grace": ("the thief comes within the grace", within_grace),
    "unnoticed": ("nobody notices", unnoticed),
    "logged_out": ("the owner logs out", logged_out),
}

DRAWN = {"thief_first", "owner_first", "within_grace"}


def show(lab: Lab, name: str, title: str, story: Story) -> None:
    """Show what happened, as a table and, of refresh tokens, as a picture."""
    lab.table(
        f"Step by step: {title}",
        ("time", "who", "does", "is answered", "the database holds"),
        [event[:5] for event in story.events],
    )
    if name in DRAWN:
        draw(lab, f"{lab.name}_{name}", title, (OWNER, THIEF), story.events)


def warnings(log: str) -> str:
    """Take from the log what somebody ought to be woken up by, without date and time."""
    lines = [line.split(" ", 2)[2] for line in log.splitlines() if " WARNING auth." in line]
    return "\n".join(lines)
