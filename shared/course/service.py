"""A phase's service as a foreground child process: started, awaited, stopped, never orphaned."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from shared.course.errors import CourseError
from shared.infra.processes import end_with_us
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

_TICK = 0.05
_START_WITHIN = 30.0
_STOP_WITHIN = 15.0
_READY = "200"


class ServiceError(CourseError):
    """The service didn't come up; the message says how it ended."""


class StopRequests:
    """Counts the ways in which people end a foreground command, instead of dying of them.

    Ctrl-C, SIGTERM, a closed terminal; and, where `make` started us, the end of that `make`.
    """

    def __init__(self) -> None:
        self._signals = 0
        self._launcher = os.getppid() if "MAKELEVEL" in os.environ else None
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, self._count)

    def __len__(self) -> int:
        """How often we were asked."""
        orphaned = self._launcher is not None and os.getppid() != self._launcher
        return self._signals + orphaned

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1


class Service:
    """One `python -m package`, in a process group of its own: only we decide when it stops.

    Ctrl-C reaches us alone, and we pass it on as SIGTERM, which is how the service will be stopped
    in production too. Should we be killed, the kernel sends that SIGTERM for us (on Linux).
    """

    def __init__(self, package: str, environment: Mapping[str, str], root: Path = ROOT) -> None:
        self._host = reachable(environment["HOST"])
        self._port = int(environment["PORT"])
        self.process = subprocess.Popen(
            [sys.executable, "-m", package],
            cwd=root,
            env=dict(environment),
            process_group=0,
            preexec_fn=end_with_us,  # noqa: PLW1509 - one thread, and only one system call
        )

    def wait_until_ready(self, stop: StopRequests) -> None:
        """Return when /readyz says so or a stop is wanted; what ends or dawdles is an error."""
        deadline = time.monotonic() + _START_WITHIN
        while not stop and (answer := self._readiness()) != _READY:
            if (code := self.process.poll()) is not None:
                raise ServiceError(f"The service ended while starting, {how_it_ended(code)}.")
            if time.monotonic() > deadline:
                raise ServiceError(f"/readyz still says {answer} after {_START_WITHIN:.0f} s.")
            time.sleep(_TICK)

    def wait(self, stop: StopRequests) -> int | None:
        """Return the exit code of a service that ended by itself, or None when a stop is wanted."""
        while not stop and self.process.poll() is None:
            time.sleep(_TICK)
        return None if stop else self.process.returncode

    def stop(self, stop: StopRequests) -> int:
        """Let it finish what is under way; insist if that takes long or we are asked again."""
        asked, deadline = len(stop), time.monotonic() + _STOP_WITHIN
        self.process.terminate()
        while self.process.poll() is None:
            if len(stop) > asked or time.monotonic() > deadline:
                self._kill()
            time.sleep(_TICK)
        return self.process.wait()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def _readiness(self) -> str:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()


def reachable(host: str) -> str:
    """Return an address where a server that listens on `host` can be reached from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised only


def how_it_ended(code: int) -> str:
    """Put an exit code into words."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"with exit code {code}"
