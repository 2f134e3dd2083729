"""Runs checks in a process of their own, which may hang or die without taking the grader along."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from shared.contracts.reporter import parse_event
from shared.course.verdicts import Results, Verdict
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
    from pathlib import Path

PER_CHECK = 60
"""Seconds that one check may take, with all its requests."""

_CHUNK = 65536
_PLUGINS = ("-p", "pytest_timeout", "-p", "anyio.pytest_plugin")
"""All that checks need; loading what else is installed would take longer than most checks."""

_ORDERLY = (0, 1, 5)
"""pytest's own exit codes for: all passed, some failed, nothing was asked for."""

_LONGEST_TROUBLE = 3000


def run_checks(
    arguments: Sequence[str],
    *,
    seconds: float,
    watch: Callable[[dict[str, Any]], None] = lambda _event: None,
    root: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> Results:
    """Run pytest with these arguments and gather verdicts, for so many seconds at the most."""
    results = Results()
    deadline = time.monotonic() + seconds
    with (
        tempfile.TemporaryFile() as log,
        _pytest(arguments, log.fileno(), root, env) as (
            process,
            events,
        ),
    ):
        begun = ""
        for event in _until(deadline, events):
            begun = _note(results, event) or begun
            watch(event)
        if time.monotonic() >= deadline:
            _break_off(results, begun, seconds)
        elif _exit_code(process, deadline) not in _ORDERLY and not results.server_is_gone:
            log.seek(0)
            text = log.read().decode(errors="replace")[-_LONGEST_TROUBLE:]
            results.trouble = results.trouble or text
    return results


def _exit_code(process: subprocess.Popen[bytes], deadline: float) -> int | None:
    """Return how it ended; None if it has told all and still runs when the time is over."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, deadline - time.monotonic()))
    return None


def _note(results: Results, event: dict[str, Any]) -> str:
    """Take an event in; returns the check that has begun, if one has."""
    match event["event"]:
        case "plan":
            results.planned = event["checks"]
        case "begin":
            return event["id"]
        case "verdict":
            results.add(Verdict.from_event(event))
        case "broken":
            results.trouble = event["message"]
        case _:
            results.server_is_gone = True
            results.skip_the_rest("the server is gone")
    return ""


def _break_off(results: Results, begun: str, seconds: float) -> None:
    reason = f"the {seconds:g} s for the whole grading were over"
    if begun and all(verdict.id != begun for verdict in results.verdicts):
        results.add(Verdict(begun, "timeout", message=reason))
    results.skip_the_rest(reason)


@contextmanager
def _pytest(
    arguments: Sequence[str], log: int, root: Path, env: Mapping[str, str] | None
) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """Start pytest in a group of its own and give the end of the pipe that it reports into."""
    events, told = os.pipe()
    options = ("-p", "shared.contracts.reporter", f"--verdicts={told}", f"--timeout={PER_CHECK}")
    quiet = ("-q", "--tb=short", "-W", "default", "-p", "no:cacheprovider")
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *_PLUGINS, *quiet, *options, *arguments],
        cwd=root,
        env={**os.environ, **(env or {}), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=[told],
        process_group=0,
    )
    os.close(told)
    try:
        yield process, events
    finally:
        os.close(events)
        stop_group(process, patience=5)


def _until(deadline: float, events: int) -> Iterator[dict[str, Any]]:
    """Read events line by line until the writer closes or the time is over."""
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(events, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            chunk = os.read(events, _CHUNK)
            if not chunk:
                return
            *lines, pending = (pending + chunk).split(b"\n")
            yield from map(parse_event, lines)


def stop_group(process: subprocess.Popen[bytes], *, patience: float) -> None:
    """Ask a process and all its children to end; insist when they don't within `patience` s."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not _signalled(process, number):
            break
        deadline = time.monotonic() + patience
        while _signalled(process, 0) and time.monotonic() < deadline:
            time.sleep(0.02)
    process.wait()


def _signalled(process: subprocess.Popen[bytes], number: int) -> bool:
    process.poll()  # a child that ended and wasn't waited for still counts as a member
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS answers the latter for zombies
        return False
    return True
