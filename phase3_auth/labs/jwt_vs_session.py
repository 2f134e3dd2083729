"""A token or a cookie: what each costs per request, and what logging out means.

A signed token needs no lookup, they say: the signature proves it all. A session needs one at every
request. And then somebody logs out, or is dismissed, and the token doesn't know.

Four ways to come in are compared, side by side and by turns (`_doors.py`): as nobody; with a token
of which the signature alone is checked; with a token as our service checks it, signature and
lookup; with a cookie. Behind the door lies nothing, and then a product that has to be fetched
anyway. How much does each slow a request down? And after the logout, for how long does the old
credential still open the door?
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import pairwise, product
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import httpx
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from phase3_auth.access_tokens import AccessToken, AccessTokens
from phase3_auth.clock import utc_now
from phase3_auth.sessions import COOKIE
from shared.load import Call, Report, load
from shared.proxy import Proxy

from ._people import HURRIED, PASSWORD, bearing, email_of, log_in, log_in_admin, sign_up

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.lab import Lab
    from shared.servers import Server

    Axes = Any  # matplotlib's types are partial

SERVICE = "phase3_auth.labs._doors"
CLIENTS = 16
"""Each has a login of its own."""
ROUNDS = 4
"""The ways take turns, so that a moment in which the machine is busy hits all of them."""
REQUESTS = 2_000
ALONE = 20
TOKENS = 500
"""As many as are read once and once more, to time that."""
MINUTE = 60
LIFETIME = 15
"""Minutes that an access token is good for."""

WAYS = {
    "nobody": ("nobody", "nobody"),
    "token, signature alone": ("signature", "token"),
    "token, as ours": ("identity", "token"),
    "cookie": ("identity", "cookie"),
}
"""Which door, and what is shown at it."""
BEHIND = {"nothing": "", "a product": "/products/1"}

Headers = dict[str, str]


class Shown(NamedTuple):
    """What the clients show, by kind: one login of each kind for each of them."""

    nobody: list[Headers]
    token: list[Headers]
    cookie: list[Headers]


@dataclass
class Cost:
    """What some requests have cost."""

    report: Report = field(default_factory=Report)
    cpu: float = 0.0
    """Seconds, of the service alone."""
    alone: float = 0.0
    """Statements per request, if nobody else asks at the same time."""
    together: float = 0.0
    """The same, if the other clients do."""

    def add(self, report: Report, cpu: float) -> None:
        """Count another round in."""
        self.report.seconds += report.seconds
        self.report.statuses += report.statuses
        self.report.latencies += report.latencies
        self.cpu += cpu


def run(lab: Lab) -> None:
    """Compare what they cost; then log out, and try until the token would have expired."""
    lab.predict("A token with a lookup, a cookie: how many times slower is each than nobody?")
    lab.predict("For how long does each credential open the door after the logout?")
    server = lab.serve(SERVICE, env=HURRIED)
    with httpx.Client(base_url=server.url) as http:
        furnish(http, lab)
        shown = log_all_in(http)
        rounds, requests = (1, 64) if lab.quick else (ROUNDS, REQUESTS)
        costs = measure(server, http, shown, rounds, requests)
        count_statements(lab, shown, costs)
        show_costs(lab, costs)
        open_for = after_logout(http, shown)
    show_logout(lab, open_for)
    draw(lab, costs, open_for)


def furnish(http: httpx.Client, lab: Lab) -> None:
    """Put one product on the shelf, and open an account."""
    tea = {"sku": "TEA-1", "name": "Tea", "price": 250, "stock": 10}
    admin = bearing(log_in_admin(http, lab).access)
    http.post("/products", json=tea, headers=admin).raise_for_status()
    sign_up(http, "Ada")


def log_all_in(http: httpx.Client) -> Shown:
    """Log in with a token and with a cookie for each client."""
    clients = range(CLIENTS)
    tokens = [bearing(log_in(http, "Ada").access) for _ in clients]
    return Shown([{} for _ in clients], tokens, [log_in_by_cookie(http) for _ in clients])


def log_in_by_cookie(http: httpx.Client) -> Headers:
    """Log in as a page does; returns the headers that it sends from then on."""
    given = {"email": email_of("Ada"), "password": PASSWORD}
    answer = http.post("/auth/session", json=given).raise_for_status()
    cookie = answer.cookies[COOKIE]
    http.cookies.clear()  # or the next login would end this session
    return {"Cookie": f"{COOKIE}={cookie}", "X-CSRF-Token": answer.json()["csrf_token"]}


# ---------------------------------------------------------------- what it costs


def measure(
    server: Server, http: httpx.Client, shown: Shown, rounds: int, requests: int
) -> dict[tuple[str, str], Cost]:
    """Ask at each door in turns, several rounds; the first requests of all are not counted."""
    costs = {each: Cost() for each in product(BEHIND, WAYS)}
    for behind, way in costs:
        load(server.url, call_of(behind, way, shown), clients=CLIENTS, requests=CLIENTS)
    for behind, way in [*costs] * rounds:
        before = spent(http)
        call = call_of(behind, way, shown)
        report = load(server.url, call, clients=CLIENTS, requests=requests, seconds=30)
        costs[behind, way].add(report, spent(http) - before)
    return costs


def call_of(behind: str, way: str, shown: Shown) -> partial[Call]:
    """Make requests of one kind, each client's with what it has been given."""
    door, kind = WAYS[way]
    return partial(nth_call, f"/doors/{door}{BEHIND[behind]}", getattr(shown, kind))


def nth_call(path: str, credentials: Sequence[Mapping[str, str]], number: int) -> Call:
    """Make one request."""
    return Call(path, headers=credentials[number % len(credentials)])


def spent(http: httpx.Client) -> float:
    """Ask the service for the seconds of processor time that it has taken."""
    return float(http.get("/doors/spent").raise_for_status().text)


def count_statements(lab: Lab, shown: Shown, costs: Mapping[tuple[str, str], Cost]) -> None:
    """Count what goes to the database, by listening on the way."""
    parts = conninfo_to_dict(lab.database_url)
    with Proxy(str(parts["host"]), int(parts["port"] or 5432)) as proxy:
        through = make_conninfo(lab.database_url, host="127.0.0.1", port=proxy.port)
        url = lab.serve(SERVICE, env={**HURRIED, "DATABASE_URL": through}).url
        for (behind, way), cost in costs.items():
            call = call_of(behind, way, shown)
            for clients in (1, CLIENTS):
                before, requests = proxy.statements, ALONE * clients
                load(url, call, clients=clients, requests=requests)
                statements = (proxy.statements - before) / requests
                cost.alone, cost.together = (
                    (statements, 0) if clients == 1 else (cost.alone, statements)
                )


def show_costs(lab: Lab, costs: Mapping[tuple[str, str], Cost]) -> None:
    """Compare the ways, for each thing that may lie behind the door."""
    for behind in BEHIND:
        nobody = costs[behind, "nobody"].report.rate
        lab.table(
            f"Behind the door lies {behind}",
            (
                "who comes",
                "per second",
                "beside nobody",
                "p50 ms",
                "service's CPU, ms",
                "statements, alone",
                f"{CLIENTS} at once",
            ),
            [
                (
                    way,
                    cost.report.rate,
                    f"{cost.report.rate / nobody:.0%}",
                    cost.report.p50,
                    1000 * cost.cpu / cost.report.answered,
                    f"{cost.alone:g}",
                    cost.together,
                )
                for way in WAYS
                for cost in [costs[behind, way]]
            ],
        )
    first, again = reading_times()
    lab.note(
        f"*Statements* are counted per request: by one client at a time, and by {CLIENTS} at once. "
        "Those that ask in the same instant share a query (sharing.py), so that under load a "
        "lookup costs a part of a statement. That we have signed a token never changes, so it is "
        f"checked once and remembered: reading a token takes {first:.0f} µs the first time and "
        f"{again:.1f} µs from then on. Whether it still counts does change, and is asked each time."
    )


def reading_times() -> tuple[float, float]:
    """Return the microseconds that it takes to read a token the first time, and later."""
    tokens = AccessTokens({"lab": SecretStr(token_urlsafe(32))}, "shop", "shop-api")
    now = utc_now()
    lifetime = timedelta(minutes=LIFETIME)
    texts = [tokens.sign(AccessToken(1, uuid4(), now, now + lifetime)) for _ in range(TOKENS)]
    moments = [time.perf_counter()]
    for _ in ("first", "again"):
        for text in texts:
            tokens.read(text, now)
        moments.append(time.perf_counter())
    first, again = (1e6 * (after - before) / TOKENS for before, after in pairwise(moments))
    return first, again


# ---------------------------------------------------------------- what a logout means


def after_logout(http: httpx.Client, shown: Shown) -> dict[str, list[int]]:
    """Log out; returns the minutes after it at which each credential was still let in."""
    for headers in (shown.token[0], shown.cookie[0]):
        http.post("/auth/logout", headers=headers).raise_for_status()
        http.cookies.clear()
    let_in: dict[str, list[int]] = {way: [] for way in WAYS if way != "nobody"}
    for minute in range(LIFETIME + 1):
        for way, minutes in let_in.items():
            door, kind = WAYS[way]
            answer = http.get(f"/doors/{door}", headers=getattr(shown, kind)[0])
            if answer.is_success:
                minutes.append(minute)
        http.post("/clock", json={"seconds": MINUTE}).raise_for_status()
    return let_in


def show_logout(lab: Lab, let_in: Mapping[str, Sequence[int]]) -> None:
    """Tell for how long a credential outlives the logout."""
    lab.table(
        f"After the logout, one request a minute, {LIFETIME + 1} in all",
        ("credential", "let in", "the last in minute"),
        [(way, len(minutes), minutes[-1] if minutes else None) for way, minutes in let_in.items()],
    )
    lab.note(
        "So a token saves the lookup as long as nobody may log out, be dismissed or lose a role "
        "before it expires. As soon as one of these has to count at once, something that can "
        "change has to be asked at each request, and that costs the same whether it is asked by a "
        "session's hash or by a user's id and a token's name. What a token is left with: another "
        "service can check it without our database, if a quarter of an hour of delay is good "
        "enough there; and no browser sends it unasked. What a cookie is left with: there is "
        "nothing to sign, to rotate, or to keep where a script can read it."
    )


# ---------------------------------------------------------------- the picture


def draw(
    lab: Lab, costs: Mapping[tuple[str, str], Cost], let_in: Mapping[str, Sequence[int]]
) -> None:
    """Draw requests per second, and the minutes that each credential outlives its logout."""
    with lab.figure() as figure:
        speed, after = figure.subplots(1, 2, sharey=True)
        for shift, behind in ((-0.2, "nothing"), (0.2, "a product")):
            rates = [costs[behind, way].report.rate for way in WAYS]
            places = [place + shift for place in range(len(WAYS))]
            speed.barh(places, rates, height=0.4, label=f"behind it: {behind}")
        speed.set_yticks(range(len(WAYS)), list(WAYS))
        speed.set_title("requests per second", fontsize=10)
        speed.legend(fontsize=8, loc="lower right")
        speed.invert_yaxis()
        for place, way in enumerate(WAYS):
            minutes = let_in.get(way, ())
            after.plot(minutes, [place] * len(minutes), "o", color="tab:red")
        after.set(xlim=(-0.5, LIFETIME + 0.5), xlabel="minutes after it")
        after.set_xticks(range(0, LIFETIME + 1, 5))
        after.set_title("let in after the logout", fontsize=10)
        for axes in (speed, after):
            axes.grid(visible=True, axis="x", alpha=0.3)
