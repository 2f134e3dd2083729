"""`python -m` this module: delete what has expired of sessions, tokens, denials and logins.

For a scheduler (cron, a systemd timer) to run every hour. As many as you like may run at once.
Nothing depends on it but the size of the tables: what has expired opens nothing, deleted or not.
"""

import sys

from . import commands


def main() -> None:
    """Forget, and say how much of each kind."""
    forgotten = commands.run(60, lambda services: services.retention.forget_expired())
    told = ", ".join(f"{count} {what}" for what, count in forgotten.items())
    sys.stdout.write(f"Forgot {told}.\n")


if __name__ == "__main__":
    main()
