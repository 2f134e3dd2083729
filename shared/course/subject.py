"""The server to grade: one that is running, or a command that starts one for the occasion."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from shared.contracts.client import Api
from shared.contracts.exchange import Answer, Mismatch, Overdue, excerpt
from shared.contracts.kit import unique
from shared.infra.processes import free_port

from .checks import stop_group

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

START_WITHIN = 60.0
ANSWER_WITHIN = 5.0
_STOP_WITHIN = 5.0
_TICK = 0.1
_LONGEST_OUTPUT = 3000


class WrongUse(Exception):
    """What was asked for makes no sense; the message says what would."""


class NotGradable(Exception):
    """There is nothing to grade; the message says what was found instead, and what to do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A server's address and, where we started it, the file with its output."""

    url: str
    output: Path | None = None


def running(url: str) -> Subject:
    """Take the server at this address, whose base must be the root of a host."""
    address = urlsplit(url if "//" in url else f"http://{url}")
    if not _is_root_of_a_host(address):
        raise WrongUse(f"{url} is not of the form http://127.0.0.1:3000")
    return Subject(f"http://{address.netloc}")


def _is_root_of_a_host(address: SplitResult) -> bool:
    try:
        _ = address.port  # reading it is what finds a port that is no number
    except ValueError:
        return False
    return address.scheme == "http" and bool(address.hostname) and not address.path.strip("/")


@contextmanager
def started(command: str, variables: Mapping[str, str]) -> Generator[Subject]:
    """Start a command with HOST and PORT, wait until it answers, stop it with all its children."""
    port = free_port()
    environment = {**os.environ, **variables, "HOST": "127.0.0.1", "PORT": str(port)}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "output")
        with output.open("wb") as log:
            process = subprocess.Popen(  # noqa: S602 - a learner's own words to a shell
                command,
                shell=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        try:
            subject = Subject(f"http://127.0.0.1:{port}", output)
            _wait_until_it_answers(subject, process, command)
            yield subject
        finally:
            stop_group(process, patience=_STOP_WITHIN)


def look_at(subject: Subject) -> str:
    """See whether there is something to grade; returns a remark, which may be empty."""
    health = _ask(subject, "/healthz")
    elsewhere = _ask(subject, f"/{unique('nobody-has-this-path')}")
    if elsewhere.status < 400 and elsewhere.body == health.body:  # noqa: PLR2004 - first error status
        raise NotGradable(
            f"It answers {health.status} to every path, even to one that nobody has:\n"
            f"{excerpt(health.body)}\n"
            'A beginning! Next: GET /healthz answers 200 {"status":"ok"}, an unknown path 404.'
        )
    if health.status != 200:  # noqa: PLR2004 - as it stands in the contract
        return f"GET /healthz answers {health.status}, not 200. Grading what there is."
    return ""


def wants_to_know_who_asks(subject: Subject) -> bool:
    """Tell whether a list that was anybody's to read wants an identity here."""
    return _ask(subject, "/users").status == 401  # noqa: PLR2004 - Unauthorized


def tail(subject: Subject) -> str:
    """Show the end of what the server wrote."""
    if subject.output is None:
        return ""
    text = subject.output.read_bytes()[-_LONGEST_OUTPUT:].decode(errors="replace").strip()
    return f"It wrote:\n{text}" if text else "It wrote nothing."


def _ask(subject: Subject, path: str) -> Answer:
    try:
        with closing(Api(subject.url, ANSWER_WITHIN)) as api:
            return _bounded(api, path)
    except Overdue:
        raise NotGradable(
            f"Something listens at {subject.url}, but GET {path} has no answer after "
            f"{ANSWER_WITHIN:g} s: it hangs. {tail(subject)}"
        ) from None
    except Mismatch as mismatch:
        raise NotGradable(f"{subject.url} cannot be graded: {mismatch}. {tail(subject)}") from None


def _bounded(api: Api, path: str) -> Answer:
    """Ask with a bound on the whole answer: a client's timeout starts anew with every byte."""
    found: list[Answer | Mismatch] = []

    def ask() -> None:
        try:
            found.append(api.get(path))
        except Mismatch as mismatch:
            found.append(mismatch)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_WITHIN + 1)
    outcome = found[0] if found else Overdue("it never ends")
    if isinstance(outcome, Mismatch):
        raise outcome
    return outcome


def _wait_until_it_answers(
    subject: Subject, process: subprocess.Popen[bytes], command: str
) -> None:
    """Return when anything at all is answered; being right is for the checks to say."""
    deadline = time.monotonic() + START_WITHIN
    while time.monotonic() < deadline:
        if (code := process.poll()) is not None:
            raise NotGradable(
                f"`{command}` ended with exit code {code} before it answered. {tail(subject)}"
            )
        with suppress(Mismatch), closing(Api(subject.url, ANSWER_WITHIN)) as api:
            api.get("/healthz")
            return
        time.sleep(_TICK)
    raise NotGradable(
        f"`{command}` runs, but nothing answers on the port in $PORT ({subject.url}) "
        f"within {START_WITHIN:g} s. Does it listen there? {tail(subject)}"
    )
