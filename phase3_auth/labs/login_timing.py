"""Who has an account here? Ask the clock.

A login says "E-mail or password is wrong", whichever it is, so that nobody learns who has an
account. But there is a password to look at only where there is an account, and looking takes long.
Can a stranger with a wrong password and a stopwatch tell known addresses from unknown ones?

Two services are asked, a hasty one (`_worse.py`) and ours, about three kinds of addresses: with an
account, without one, and with an old account whose password was kept at a lower cost and not given
since. The stopwatch learns from one half of the answers where to draw the line between two kinds,
and is then tried on the other half. Who tosses a coin is right in 50 % of the cases.
"""

from __future__ import annotations

import random
import secrets
import time
from contextlib import ExitStack
from itertools import combinations, pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx

from ._people import PASSWORD, UNLIMITED, email_of, sign_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.lab import Lab

    Axes = Any  # matplotlib's types are partial
    Times = Mapping[str, Sequence[float]]

COST, OLD_COST = 10, 8
"""Two steps lower than ours, so that many answers fit into a few seconds."""
ANSWERS = 60
"""Of each service about each kind of address."""

KINDS: dict[str, Callable[[], str]] = {
    "known": lambda: email_of("Ada"),
    "unknown": lambda: email_of(secrets.token_hex(4)),
    "known, kept at a lower cost": lambda: email_of("Bob"),
}
SERVICES: dict[str, tuple[str, Sequence[str]]] = {
    "hasty": ("phase3_auth.labs._worse", ["hasty"]),
    "ours": ("phase3_auth", []),
}


def run(lab: Lab) -> None:
    """Ask both services about all kinds of addresses, by turns."""
    lab.predict("How often is the stopwatch right about the hasty service? How often about ours?")
    cost, old_cost = (6, 4) if lab.quick else (COST, OLD_COST)
    with ExitStack() as stack:
        years_ago = lab.serve(env={"BCRYPT_COST": str(old_cost)})
        sign_up(stack.enter_context(client(years_ago.url)), "Bob")
        years_ago.stop()
        env = {**UNLIMITED, "BCRYPT_COST": str(cost)}
        clients = {
            name: stack.enter_context(client(lab.serve(module, args, env).url))
            for name, (module, args) in SERVICES.items()
        }
        sign_up(clients["ours"], "Ada")
        times, answers = ask(clients, 6 if lab.quick else ANSWERS)
    show(lab, times)
    lab.note(
        f"{sum(len(each) for kinds in times.values() for each in kinds.values())} answers of "
        f"{len(answers)} kind: {', '.join(sorted(answers))}. bcrypt ran at cost {cost}, for the "
        f"old account at {old_cost}. For an unknown address ours checks the password against a "
        "hash that no password has. For an old one it works off what the cheaper hash has left "
        "over. What is left are differences of microseconds. To find those takes far more answers "
        "than one address is given: here the rate limits were lifted."
    )
    draw(lab, times)


def client(url: str) -> httpx.Client:
    """Keep one connection open, as somebody does who measures."""
    return httpx.Client(base_url=url, timeout=30)


def ask(
    clients: Mapping[str, httpx.Client], rounds: int
) -> tuple[dict[str, dict[str, list[float]]], set[str]]:
    """Log in with a wrong password; returns milliseconds, and what was answered.

    In each round everything is asked once, in an order drawn by lot: a busy moment hits all alike.
    """
    times = {name: {kind: list[float]() for kind in KINDS} for name in clients}
    answers: set[str] = set()
    turns = [(name, kind) for name in clients for kind in KINDS]
    for name, kind in turns:  # the first answer takes longer: connections, prepared statements
        wrong_password(clients[name], KINDS[kind]())
    for _ in range(rounds):
        random.shuffle(turns)
        for name, kind in turns:
            milliseconds, answer = wrong_password(clients[name], KINDS[kind]())
            times[name][kind].append(milliseconds)
            answers.add(answer)
    return times, answers


def wrong_password(http: httpx.Client, email: str) -> tuple[float, str]:
    """Try a password that is wrong; returns milliseconds and the answer."""
    guess = {"email": email, "password": f"not {PASSWORD}"}
    began = time.perf_counter()
    answer = http.post("/auth/login", json=guess)
    milliseconds = (time.perf_counter() - began) * 1000
    return milliseconds, f"{answer.status_code} `{answer.text}`"


def told_apart(one: Sequence[float], other: Sequence[float]) -> float:
    """Return in how many per cent of the cases a line between two kinds is on the right side.

    It is drawn by the one half of the times and judged by the other, or chance would find a line.
    """
    learnt = [(each, kind) for kind, times in enumerate((one, other)) for each in times[::2]]
    tried = [(each, kind) for kind, times in enumerate((one, other)) for each in times[1::2]]
    places = [(low + high) / 2 for low, high in pairwise(sorted(each for each, _ in learnt))]
    line, kind_above = max(
        ((place, kind) for place in places for kind in (0, 1)), key=lambda it: right(learnt, *it)
    )
    return 100 * right(tried, line, kind_above) / len(tried)


def right(times: Sequence[tuple[float, int]], line: float, kind_above: int) -> int:
    """Count the times that lie on the side of the line where their kind is said to be."""
    return sum((each > line) == (kind == kind_above) for each, kind in times)


def show(lab: Lab, times: Mapping[str, Times]) -> None:
    """Tell what the stopwatch can do, for each two kinds of addresses."""
    lab.table(
        "A wrong password: milliseconds until the answer, and what a stopwatch makes of them",
        ("service", "one address", "ms", "the other", "ms", "told apart, %"),
        [
            (name, one, median(kinds[one]), other, median(kinds[other]), share)
            for name, kinds in times.items()
            for one, other in combinations(KINDS, 2)
            for share in [told_apart(kinds[one], kinds[other])]
        ],
    )


def draw(lab: Lab, times: Mapping[str, Times]) -> None:
    """Draw a dot for each answer, one panel per service and one line per kind of address."""
    scatter = random.Random(3)  # noqa: S311 - it parts dots that would hide each other
    with lab.figure() as figure:
        panels = figure.subplots(len(times), 1, sharex=True)
        for panel, (name, kinds) in zip(panels, times.items(), strict=True):
            for line, each in enumerate(kinds.values()):
                heights = [line + scatter.uniform(-0.3, 0.3) for _ in each]
                panel.plot(each, heights, ".", alpha=0.6)
            panel.set_yticks(range(len(kinds)), list(kinds))
            panel.set(title=f"{name}: wrong password", xscale="log")
            panel.grid(visible=True, axis="x", alpha=0.3)
            panel.invert_yaxis()
        panels[-1].set_xlabel("answered after, ms")
