"""`course run`: a phase's service with all it needs, and a screen that says what to do with it."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from shared import development, lessons
from shared.course import ports
from shared.course.errors import CourseError
from shared.course.service import Service, StopRequests, how_it_ended, reachable
from shared.phases import ROOT, Phase

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOOPBACK = "127.0.0.1"
_LAST_OF_OURS = 8009  # a port that no phase calls its own
_ENTRY_POINTS = ("schema.sql", "server.py", "main.py", "app.py")
_KEPT = " Its data stays; `make down` stops the database too."


class PortTaken(CourseError):
    """Somebody else listens there; the message says who, and the way out."""


def run(phase: Phase, *, port: int, fresh: bool = False, root: Path = ROOT) -> int:
    """Serve the phase until somebody stops it; `root` may be a copy with a bug in it."""
    console = Console(highlight=False)
    host = os.environ.get("HOST") or _LOOPBACK
    refuse_taken(f"make phase{phase.number}", host, port)
    with ExitStack() as ending:
        with console.status("Seeing to PostgreSQL"):
            environment = service_environment(ending, phase, host, port, fresh=fresh)
            development.make_admin(phase, environment, root)
        return _serve(console, phase, environment, root)


def refuse_taken(command: str, host: str, port: int) -> None:
    """Name who has the port that a command wants, rather than let the service fail at it."""
    if not ports.is_taken(port, host):
        return
    raise PortTaken(
        f"Port {port} is taken by {ports.who_listens(port)}. Stop it, or take another port:\n"
        f"  {command} PORT={ports.free_port(max(port, _LAST_OF_OURS))}"
    )


def service_environment(
    ending: ExitStack, phase: Phase, host: str, port: int, *, fresh: bool
) -> dict[str, str]:
    """Return what the service is configured by, its database made ready.

    What runs beside the service stops at the `ending`.
    """
    given = ending.enter_context(development.running(phase))
    environment = {**os.environ, **given, "HOST": host, "PORT": str(port)}
    if phase.schema is not None:
        environment["DATABASE_URL"] = lasting_database(phase, phase.schema, fresh=fresh)
    return environment


def lasting_database(phase: Phase, schema: Path, *, fresh: bool = False) -> str:
    """Return the URL of the database that the phase is served from, run after run."""
    from shared import databases, infra  # noqa: PLC0415 - a phase without data starts without them

    return databases.ensure_database(infra.postgres(), phase.package, schema, fresh=fresh)


def admin_of(environment: Mapping[str, str]) -> tuple[str, str]:
    """Tell the first admin's e-mail and password, if that was made up here and is nobody's own."""
    ours = "ADMIN_PASSWORD" not in os.environ
    password = environment["ADMIN_PASSWORD"] if ours else "as in ADMIN_PASSWORD"
    return environment["ADMIN_EMAIL"], password


def screen(console: Console, phase: Phase, environment: Mapping[str, str]) -> str:
    """Say where it listens, what to read first, what to try, and how to stop it.

    One string, so that the service's log doesn't come in between.
    """
    address, port = reachable(environment["HOST"]), environment["PORT"]
    url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    rows = Table.grid(padding=(0, 3))
    rows.add_column(style="dim")
    rows.add_row("listens on", Text(url, style="bold green"))
    rows.add_row("docs", f"{url}/docs")
    rows.add_row("lesson", f"{phase.package}/README.md")
    rows.add_row("read first", _first_file(phase))
    if phase.makes_admin:
        email, password = admin_of(environment)
        rows.add_row("admin", Text(email))
        rows.add_row("password", Text(password))
    if phase.needs_postgres:
        rows.add_row("database", f"make psql PHASE={phase.number}")
        rows.add_row("again", f"make phase{phase.number} FRESH=1 begins with an empty database")
    rows.add_row("stop", "Ctrl-C")
    title = f"Phase {phase.number}: {escape(phase.title)}"
    curl = _first_curl(phase, url)
    with console.capture() as shown:
        console.print(Panel(rows, title=title, title_align="left", expand=False))
        # Outside the frame and never wrapped: it is there to be copied.
        console.print(Text(f"Try, in a second terminal:\n\n{curl}\n"), soft_wrap=True)
    return shown.get()


def _serve(console: Console, phase: Phase, environment: dict[str, str], root: Path) -> int:
    stop = StopRequests()
    service = Service(phase.package, environment, root)
    try:
        service.wait_until_ready(stop)
        if not stop:
            print(screen(console, phase, environment), end="", flush=True)
        ended = service.wait(stop)
    finally:
        code = service.stop(stop)
    return _farewell(console, phase, code, asked=ended is None)


def _first_file(phase: Phase) -> str:
    there = [name for name in _ENTRY_POINTS if (phase.path / name).exists()]
    return f"{phase.package}/{there[0] if there else '__main__.py'}"


def _first_curl(phase: Phase, url: str) -> str:
    """Return the lesson's own first request, sent to where we listen."""
    request = lessons.first_curl(phase.lesson) or f"curl -i http://127.0.0.1:{phase.port}/healthz"
    return re.sub(rf"http://(?:127\.0\.0\.1|localhost):{phase.port}\b", url, request)


def _farewell(console: Console, phase: Phase, code: int, *, asked: bool) -> int:
    if not asked:
        console.print(f"[red]The service ended by itself, {how_it_ended(code)}.[/]")
        return 1
    ending = f" It ended {how_it_ended(code)}." if code else ""
    kept = _KEPT if phase.needs_postgres else ""
    console.print(f"\nStopped phase {phase.number}.{ending}{kept}")
    return 1 if code else 0
