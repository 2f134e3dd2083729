"""Where log lines go: to standard error, many with one system call."""

import asyncio
import logging
import sys
from contextlib import suppress
from typing import TextIO


def configure(level: str) -> None:
    """Log to standard error; what collects and keeps the lines is not the service's business."""
    handler = GatheringHandler(sys.stderr)
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(message)s", handlers=[handler]
    )
    # At INFO the pool tells of each connection taken and returned, and httpx of each answer.
    if level == "INFO":
        for talkative in ("psycopg.pool", "httpx"):
            logging.getLogger(talkative).setLevel(logging.WARNING)
    # What they would find out, process and thread, never changes here, and nobody prints it. Nor
    # does anybody print the line of source (all four: "Optimization" in Python's Logging HOWTO).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue] -- documented


class GatheringHandler(logging.StreamHandler[TextIO]):
    """A handler that gathers the lines of an instant and writes them together.

    One write for each line would cost as much as sending the answer does. A warning takes what
    is gathered along and goes out at once; `logging` flushes every handler when the process ends.
    """

    INSTANT = 0.02  # seconds

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, and see to it that it is written."""
        self.lines.append(self.format(record) + "\n")
        if record.levelno >= logging.WARNING:
            self.flush()
        elif len(self.lines) == 1:
            try:
                asyncio.get_running_loop().call_later(self.INSTANT, self.flush)
            except RuntimeError:  # before and after the event loop runs
                self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        lines, self.lines = self.lines, []
        # Whoever logs has other things to do than to deal with a reader of the log that is gone.
        with suppress(OSError, ValueError):
            self.stream.write("".join(lines))
            self.stream.flush()
