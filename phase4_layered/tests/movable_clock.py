"""Serves by a clock that stands still until it is moved, so that fourteen days pass at once.

    CLOCK=file python -m phase4_layered.tests.movable_clock

What time it is says a file: it is the moment at which the file was modified, as far as the file
knows. Setting that is a single system call, so nobody ever sees half a time.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

from phase4_layered import __main__ as service
from phase4_layered.main import create_app

MODULE = "phase4_layered.tests.movable_clock"

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2030, 1, 1, 12, tzinfo=UTC)
A_MOMENT = timedelta(microseconds=1)
"""The least that PostgreSQL and Python can tell apart."""


class MovableClock:
    """Tells the time by a file, and sets it there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> datetime:
        """Tell what time it is."""
        return EPOCH + timedelta(microseconds=self.path.stat().st_mtime_ns // 1000)

    def set(self, to: datetime) -> None:
        """Let it be another time."""
        nanoseconds = (to - EPOCH) // A_MOMENT * 1000
        self.path.touch()
        os.utime(self.path, ns=(nanoseconds, nanoseconds))

    def let_pass(self, time: timedelta) -> None:
        """Let time pass."""
        self.set(self() + time)


def main() -> None:
    """Serve as ever, by this clock."""
    clock = MovableClock(Path(os.environ["CLOCK"]))
    with patch.object(service, "create_app", partial(create_app, clock=clock)):
        service.main()


if __name__ == "__main__":
    main()
