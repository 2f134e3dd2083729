"""How long a password lasts when the database is stolen.

Whoever has the hashes needs no login form and meets no rate limit: hash a guess, compare, take the
next. How fast that goes is up to the hash. SHA-256 was made to be fast. bcrypt was made to be slow,
and each step of its cost makes it twice as slow.

How many guesses a second does one core make at each cost? How long do the 3000 commonest passwords
last, how long eight random letters, how long four random words? Then a database of ten accounts is
attacked for a few seconds (`_stolen.py`, read it first). Eight of its people have chosen from the
list. How many are found under each way of keeping passwords, and what is the pepper worth?
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

import bcrypt

from ._stolen import COMMON, attack, sha256, ways, with_bcrypt

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.lab import Lab

    from ._stolen import Loot

    Axes = Any  # matplotlib's types are partial

COSTS = range(4, 15)
OURS = 12
CHEAP = 8
SECONDS = 6.0
"""That the attacker has for each way."""

SPACES = {
    f"the {len(COMMON):,} commonest": len(COMMON),
    "8 lower-case letters": 26**8,
    "4 words out of 7,776": 7776**4,  # as many as five dice can show
}
PLACES = {
    "Ada": 1,
    "Bob": 2,
    "Cleo": 5,
    "Dan": 20,
    "Eve": 80,
    "Finn": 300,
    "Gus": 1200,
    "Hal": 3000,
}
"""Who has chosen which of the list, counted from the commonest."""
OTHERS = {"Ivy": "qzkvhwpt", "Joy": "gravel tulip oboe monday"}
"""Who has let dice choose."""

UNITS = (
    (1e-3, 1e-6, "µs"),
    (1.0, 1e-3, "ms"),
    (120.0, 1.0, "s"),
    (2 * 3600.0, 60.0, "minutes"),
    (2 * 86400.0, 3600.0, "hours"),
    (2 * 31_557_600.0, 86400.0, "days"),
)
YEAR = 31_557_600.0


def run(lab: Lab) -> None:
    """Time one hash at each cost, then attack the database."""
    lab.predict("How many bcrypt hashes of cost 12 does one core make in a second? And of SHA-256?")
    lab.predict("Ten accounts, eight passwords from the list, six seconds: how many are found?")
    costs = range(COSTS[0], 8) if lab.quick else COSTS
    times = {f"bcrypt, cost {cost}": time_of_bcrypt(cost) for cost in costs}
    fast = time_of(lambda: sha256("a guess", b"a salt"), 20_000)
    show_times(lab, {"SHA-256": fast, **times})
    seconds, all_ways = (0.5, ways(4, 6)) if lab.quick else (SECONDS, ways(CHEAP, OURS))
    chosen = {who: COMMON[place - 1] for who, place in PLACES.items()} | OTHERS
    loots = {
        name: attack({who: way.keep(chosen[who]) for who in chosen}, way.tries, seconds)
        for name, way in all_ways.items()
    }
    show_loots(lab, loots, seconds)
    draw(lab, dict(zip(costs, times.values(), strict=True)), fast, loots)


def time_of(work: Callable[[], object], times: int) -> float:
    """Return the seconds of a core that it takes once."""
    began = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - began) / times


def time_of_bcrypt(cost: int) -> float:
    """Return the seconds of one hash, by the median of a few."""
    salt = bcrypt.gensalt(cost)
    return median(time_of(lambda: with_bcrypt("a guess", salt), 1) for _ in range(3))


def lasting(seconds: float) -> str:
    """Write a duration as a person would say it."""
    for up_to, unit, name in UNITS:
        if seconds < up_to:
            return f"{seconds / unit:.3g} {name}"
    years = seconds / YEAR
    digits = 10 ** max(0, len(str(round(years))) - 2)  # two of them mean something
    return f"{round(years / digits) * digits:,} years"


def show_times(lab: Lab, times: dict[str, float]) -> None:
    """Tell how long one hash takes, and all that might be tried."""
    lab.table(
        "One core: the time of one hash, and the time to try all of",
        ("hash", "one", "guesses per second", *SPACES),
        [
            (name, lasting(once), 1 / once, *(lasting(size * once) for size in SPACES.values()))
            for name, once in times.items()
        ],
    )
    lab.note(
        "Nobody attacks with one core of a small machine. Divide by what you think an attacker "
        "has, and by far more for SHA-256 than for bcrypt: graphics cards, which are thousands of "
        "simple cores, were made for the one and not for the other. At ten thousand times this "
        "speed nothing lasts under SHA-256, four words included. Under bcrypt the words do. The "
        "commonest passwords no hash can save: they are refused when they are chosen."
    )


def show_loots(lab: Lab, loots: dict[str, Loot], seconds: float) -> None:
    """Tell who was found, and how long the rest of the list would take."""
    people = len(PLACES) + len(OTHERS)
    lab.table(
        f"{people} accounts, {len(PLACES)} passwords from the list: found in {seconds:g} s",
        ("kept as", "hashes made", "found", "whose", "the rest of the list takes"),
        [
            (
                name,
                loot.hashes,
                len(loot.found),
                ", ".join(loot.found) or "nobody's",
                lasting(loot.rest) if loot.to_do else f"done after {lasting(loot.seconds)}",
            )
            for name, loot in loots.items()
        ],
    )
    on_the_list = ", ".join(f"{who} has number {place:,}" for who, place in PLACES.items())
    lab.note(
        f"{on_the_list}; {' and '.join(OTHERS)} let dice choose. A salt makes the attacker hash "
        "each guess for each account anew, and hides who has the same password. It makes no single "
        "guess slower. Without the pepper the attacker's guesses are right and don't fit: he would "
        "have to guess the pepper as well, which is 256 random bits. It must not lie where the "
        "hashes lie: a backup that holds both is the last row."
    )


def draw(lab: Lab, by_cost: dict[int, float], fast: float, loots: dict[str, Loot]) -> None:
    """Draw guesses per second over the cost, and accounts found over time."""
    with lab.figure() as figure:
        speed, found = figure.subplots(1, 2)
        speed.plot(list(by_cost), [1 / once for once in by_cost.values()], "o-", label="bcrypt")
        speed.axhline(1 / fast, color="tab:red", label="SHA-256")
        speed.set(yscale="log", xlabel="cost", title="guesses per second, one core")
        speed.set_xticks(list(by_cost))
        speed.grid(visible=True, alpha=0.3)
        speed.legend(fontsize=8)
        for name, loot in loots.items():
            climb(found, name, loot)
        found.set(xscale="log", xlabel="s", title="accounts found")
        found.set(xlim=(1e-6, 1e3), ylim=(-0.3, len(PLACES) + 0.7))
        found.axhline(len(PLACES), color="black", linestyle="--", linewidth=1)
        found.grid(visible=True, alpha=0.3)
        found.legend(fontsize=7, loc="upper right")


def climb(axes: Axes, name: str, loot: Loot) -> None:
    """Draw one step up for each account that is found."""
    style = "--" if "stolen" in name else "-"  # it lies on another line
    moments = [1e-6, *loot.found.values(), loot.seconds]
    steps = [*range(len(loot.found) + 1), len(loot.found)]
    axes.step(moments, steps, style, where="post", label=name)
