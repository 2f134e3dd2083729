"""`python -m` this module: delete idempotency keys nobody will send again.

For a scheduler (cron, a systemd timer) to run every hour. As many as you like may run at once.
"""

import sys

from . import commands
from .services.retention import KEPT


def main() -> None:
    """Forget, and say how much."""
    forgotten = commands.run(60, lambda services: services.retention.forget_keys())
    sys.stdout.write(f"Forgot {forgotten} idempotency keys older than {KEPT}.\n")


if __name__ == "__main__":
    main()
