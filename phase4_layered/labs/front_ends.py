"""Put another face on the shop, and another floor under it.

A controller turns HTTP into a call of a service. So something else may call it: here a till, which
reads commands from a terminal (`_till.py`). And a service asks for what it keeps through a port. So
something else may fill that: here dicts in memory, those that the unit tests run on.

The same script is carried out three times: over HTTP, at a till on PostgreSQL, and at a till that
keeps everything in memory. Nothing below the controllers was changed for it. Does each of them say
the same, refusals and retries included? And what has each of them had to load?
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from shared import databases, infra
from shared.phases import ROOT

from ._by_http import ByHttp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.lab import Lab

TILL = [sys.executable, "-m", "phase4_layered.labs._till", "--loaded"]
SERVICE = (
    "import phase4_layered.main; from phase4_layered.labs._till import loaded; print(loaded())"
)
WITHIN = 30.0

SCRIPT = (
    "product TEA-1 Tea 250 10",
    "product POT-1 Pot 1900 1",
    "product tea Tea 1",
    "product TEA-1 Tea 300",
    "order one 3xTEA-1 1xPOT-1",
    "order two 8xTEA-1",
    "order one 3xTEA-1 1xPOT-1",
    "order one 4xTEA-1",
    "order three 1xCUP-1",
    "restock TEA-1 5 monday",
    "restock TEA-1 5 monday",
    "order two 8xTEA-1",
    "cancel one",
    "cancel one",
    "stock TEA-1",
    "stock POT-1",
)


def run(lab: Lab) -> None:
    """Carry the script out three times, and compare."""
    lab.predict("What has to be changed in the services for a front end that speaks no HTTP?")
    lab.predict("Which of FastAPI and psycopg does a till load that keeps everything in memory?")
    said = {
        "over HTTP": over_http(lab),
        "at a till": on_postgresql(lab),
        "at a till, in memory": at_a_till(["--in-memory"], {}),
    }
    columns = ("command", *said)
    rows = zip(SCRIPT, *(lines[:-1] for lines in said.values()), strict=True)
    lab.table("What comes of it", columns, rows)
    lab.table(
        "What had to be loaded",
        ("front end", "of the two"),
        [(name, lines[-1]) for name, lines in said.items()],
    )
    answers = {tuple(lines[:-1]) for lines in said.values()}
    lab.note(
        f"{len(SCRIPT)} commands, {len(answers)} way{'s' * (len(answers) > 1)} of answering them."
    )


def over_http(lab: Lab) -> list[str]:
    """Carry the script out as a client of the service; the last line says what that has loaded."""
    given = {"email": lab.environment["ADMIN_EMAIL"], "password": lab.environment["ADMIN_PASSWORD"]}
    with httpx.Client(base_url=lab.serve(env={"BCRYPT_COST": "4"}).url) as http:
        client = ByHttp(http, given)
        return [*(client.obey(line) for line in SCRIPT), ended([sys.executable, "-c", SERVICE])]


def on_postgresql(lab: Lab) -> list[str]:
    """Carry the script out at a till, on a database of its own."""
    with databases.throwaway(infra.postgres(), lab.phase) as url:
        return at_a_till([], {**lab.environment, "DATABASE_URL": url})


def at_a_till(options: list[str], environment: Mapping[str, str]) -> list[str]:
    """Carry the script out at a till; the last line says what that has loaded."""
    return ended([*TILL, *options], "\n".join(SCRIPT), environment).splitlines()


def ended(command: list[str], given: str = "", environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; returns what it wrote."""
    done = subprocess.run(
        command,
        input=given,
        env=dict(environment or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout.strip()
