"""Everybody logs in at once, and somebody only wants to look at a product.

A password takes a quarter of a second of a core to check. That is bcrypt's purpose, and it makes
every login a piece of work that anybody may order. Twenty logins a second, for three seconds, are
fifteen seconds of work.

The same storm meets a service that checks passwords in the event loop (`_worse.py`), one that has
32 threads for it, and ours with its one. Meanwhile somebody asks for a product fifty times a
second. How long does that take, at the median and at worst? How many logins succeed, how many are
turned away, and how long do they wait?
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from shared.load import Call, Report, load

from ._people import PASSWORD, UNLIMITED, bearing, email_of, log_in_admin, sign_up

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.lab import Lab
    from shared.servers import Server

    Axes = Any  # matplotlib's types are partial

LOGINS_PER_SECOND = 20
STORM = 3.0
"""Seconds in which logins fall due."""
OTHERS_PER_SECOND = 50
WATCHED = 8.0
"""Seconds in which others ask; some of the ways have dealt with the storm by then."""
PATIENCE = 60.0
SERVICE = "phase3_auth"
WAYS: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "in the event loop": ("phase3_auth.labs._worse", ("blocking",), {}),
    "32 threads": (SERVICE, (), {"PASSWORD_THREADS": "32"}),
    "1 thread, ours": (SERVICE, (), {}),
}
QUIET = "no storm"


class Outcome(NamedTuple):
    """What came of the logins, and of the others' requests meanwhile."""

    others: Report
    logins: Report


def run(lab: Lab) -> None:
    """Ask for products without a storm; then send the storm at each of the ways."""
    lab.predict("A product usually takes a few ms. How long at worst during each of the storms?")
    lab.predict("Which of the three lets the most people in? Which turns people away?")
    cost = "8" if lab.quick else "12"
    outcomes: dict[str, Outcome] = {}
    for name, (module, args, env) in WAYS.items():
        server = lab.serve(module, args, {**UNLIMITED, "BCRYPT_COST": cost, **env})
        if not outcomes:
            furnish(server, lab)
        load(server.url, product, requests=100 if lab.quick else 1_000)  # nobody begins cold
        if not outcomes:
            outcomes[QUIET] = Outcome(others(server, quick=lab.quick), Report())
        outcomes[name] = weather(server, quick=lab.quick)
        server.stop()
    show(lab, outcomes)
    draw(lab, outcomes)


def furnish(server: Server, lab: Lab) -> None:
    """Put one product on the shelf, and open an account."""
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as http:
        tea = {"sku": "TEA-1", "name": "Tea", "price": 250, "stock": 10}
        admin = bearing(log_in_admin(http, lab).access)
        http.post("/products", json=tea, headers=admin).raise_for_status()
        sign_up(http, "Ada")


def weather(server: Server, *, quick: bool) -> Outcome:
    """Send the storm, and ask for products meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        storm = pool.submit(logins, server, quick=quick)
        watch = pool.submit(others, server, quick=quick)
        return Outcome(watch.result(), storm.result())


def product(_: int) -> Call:
    """Ask for the product."""
    return Call("/products/1")


def logins(server: Server, *, quick: bool) -> Report:
    """Let people log in, whether or not others have, and wait for all answers."""
    call = Call("/auth/login", "POST", {"email": email_of("Ada"), "password": PASSWORD})
    return load(
        server.url,
        lambda _: call,
        clients=round(LOGINS_PER_SECOND * STORM),
        seconds=0.5 if quick else STORM,
        rate=LOGINS_PER_SECOND,
        timeout=PATIENCE,
    )


def others(server: Server, *, quick: bool) -> Report:
    """Ask for a product at a steady rate, however long the answers take."""
    return load(
        server.url,
        product,
        clients=round(OTHERS_PER_SECOND * WATCHED),
        seconds=1.0 if quick else WATCHED,
        rate=OTHERS_PER_SECOND,
        timeout=PATIENCE,
    )


def show(lab: Lab, outcomes: Mapping[str, Outcome]) -> None:
    """Compare what the others notice, and what becomes of the logins."""
    lab.table(
        f"Asking for a product, {OTHERS_PER_SECOND} times a second, while passwords are checked",
        ("passwords are checked", "200", "503", "p50 ms", "p99 ms", "slowest ms"),
        [
            (
                name,
                each.statuses[200],
                each.statuses[503],
                each.p50,
                each.p99,
                max(each.latencies),
            )
            for name, (each, _) in outcomes.items()
        ],
    )
    storms = {name: each.logins for name, each in outcomes.items() if name != QUIET}
    lab.table(
        f"The storm: {LOGINS_PER_SECOND} logins a second",
        ("passwords are checked", "logins", "200", "503", "200 per second", "p50 ms", "slowest ms"),
        [
            (
                name,
                each.answered,
                each.statuses[200],
                each.statuses[503],
                each.statuses[200] / each.seconds,
                each.p50,
                max(each.latencies),
            )
            for name, each in storms.items()
        ],
    )
    lab.note(
        "A request's time counts from the moment at which it was due. In the event loop nothing "
        "else happens while a password is checked, so products wait for logins. In threads they "
        "wait for a core alone: bcrypt lets go of the interpreter, and the operating system "
        "parts the cores among all who want one. With 32 threads that is 32 logins at any "
        "moment, each with a little of them, and the event loop and PostgreSQL queue among "
        "them. On a machine that is busy besides, whoever has waited for eight seconds "
        "(passwords.py) has had his share in vain, and hardly anybody gets in. One thread "
        "leaves the other cores alone. Its queue has room for twenty, and whoever would wait in "
        "it for too long gets his 503 at once."
    )


def draw(lab: Lab, outcomes: Mapping[str, Outcome]) -> None:
    """Draw which share of the others had their product after how long."""
    with lab.figure() as figure:
        axes: Axes = figure.subplots(1, 1)
        for name, each in outcomes.items():
            times = sorted(each.others.latencies)
            shares = [100 * place / len(times) for place in range(1, len(times) + 1)]
            axes.plot(times, shares, label=name, linestyle="--" if name == QUIET else "-")
        axes.set(
            xscale="log",
            xlabel="ms since it was asked for",
            ylabel="% have their product",
            title="A product, while passwords are checked",
        )
        axes.grid(visible=True, alpha=0.3)
        axes.legend(loc="center")
