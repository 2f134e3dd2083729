"""Runs the service and starts it again whenever it ends, as systemd would.

    python -m phase4_layered.tests.supervisor

By forking, so that what takes long, importing, is done once. Each start is a line "serving as N".
"""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import TYPE_CHECKING

from phase4_layered import __main__ as service
from shared.infra.processes import end_with_us

if TYPE_CHECKING:
    from shared.servers import Server


def main() -> None:
    """Serve in a child; stop when told to, or when it ends with an error of its own."""
    while child := os.fork():
        signal.signal(signal.SIGTERM, lambda _signal, _frame, child=child: end(child))
        sys.stdout.write(f"serving as {child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        if (code := os.waitstatus_to_exitcode(status)) > 0:
            sys.exit(code)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_us()
    service.main()


def end(child: int) -> None:
    """Leave, and leave nobody behind."""
    os.kill(child, signal.SIGKILL)
    sys.exit()


def serving(server: Server) -> int:
    """Return the process that serves at the moment, or did last, under a supervisor."""
    return int(re.findall(r"^serving as (\d+)$", server.log(), re.MULTILINE)[-1])


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
