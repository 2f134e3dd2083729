"""`course watch`: a phase's unit suite, at once and again whenever a file of the phase is saved.

What is to be run on each save has to be there before the eye is back on the screen, so a run loads
only what a unit suite needs: no plugin but the two that each suite of the course is under (random
order, a timeout), and no conftest from outside `tests/unit`, as the fixtures there are databases
and servers. Starting the service's own pytest takes seven times as long.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import watchfiles
from rich.console import Console

from shared.course.errors import CourseError
from shared.course.service import StopRequests
from shared.infra.processes import end_with_us
from shared.phases import all_phases

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shared.phases import Phase

_TICK_MS = 50
ADDOPTS = "--import-mode=importlib --strict-markers --strict-config"
"""Those of pyproject.toml without the course's plugin."""
_PLUGINS = ("-p", "pytest_randomly", "-p", "pytest_timeout", "-p", "anyio.pytest_plugin")
_ENVIRONMENT = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    # Compiled code is told from stale one by size and by second, and two saves may share both.
    "PYTHONDONTWRITEBYTECODE": "1",
}


def watch(phase: Phase) -> int:
    """Run the suite and run it again until somebody stops it; returns 0."""
    suite = unit_suite(phase)
    console = Console(highlight=False)
    stop, run = StopRequests(), None
    saves = watchfiles.watch(phase.path, rust_timeout=_TICK_MS, yield_on_timeout=True)
    try:
        for saved in saves:  # the first time, it has begun to watch
            if stop:
                break
            if run is None or saved:
                if run is not None:
                    run.abandon()
                _introduce(console, phase, (path for _, path in saved))
                run = Run(phase, suite)
            elif seconds := run.just_ended():
                console.print(f"[dim]{seconds:.1f} s with start-up. Ctrl-C ends the watch.[/]")
    finally:
        if run is not None:
            run.abandon()
    return 0


def unit_suite(phase: Phase) -> Path:
    """Return the folder of the phase's unit tests; raises CourseError with the phases that have."""
    suite = phase.path / "tests" / "unit"
    if suite.is_dir():
        return suite
    others = [each.package for each in all_phases() if (each.path / "tests" / "unit").is_dir()]
    raise CourseError(
        f"{phase.package} has no tests/unit: its tests want a running service, so nobody would "
        f"wait for them at each save. Run them: make test PHASE={phase.number}\n"
        f"The phases with unit tests: {', '.join(others) or 'none yet'}."
    )


class Run:
    """One pytest, a process of its own, so that every module is loaded as it is now.

    It leads a process group of its own: Ctrl-C reaches us alone, and it writes no traceback.
    """

    def __init__(self, phase: Phase, suite: Path) -> None:
        self._began = time.monotonic()
        self._told = False
        root = phase.path.parent
        where = ["--rootdir", str(root), "--confcutdir", str(suite), str(suite)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-o", f"addopts={ADDOPTS}", *_PLUGINS, *where],
            cwd=root,
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=end_with_us,  # noqa: PLW1509 - it makes one system call and takes no lock
        )

    def just_ended(self) -> float:
        """Return the seconds that it took, once, when it has ended; 0 otherwise."""
        if self._told or self._process.poll() is None:
            return 0.0
        self._told = True
        return time.monotonic() - self._began

    def abandon(self) -> None:
        """End it, if it is still under way: whatever it finds out is about yesterday's code."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _introduce(console: Console, phase: Phase, saved: Iterable[str]) -> None:
    """Begin with an empty screen, or a line where there is none, and say why there is a run."""
    console.clear()
    names = sorted({os.path.relpath(path, phase.path) for path in saved})
    reason = f"saved: {', '.join(names)}" if names else "watching"
    console.rule(f"{phase.package} · {time.strftime('%H:%M:%S')} · {reason}", align="left")
