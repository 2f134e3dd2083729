"""The service as a process: settings in, log out, signals to stop it, an exit code at the end."""

import logging
import os
import sys
from collections.abc import Callable

from .http_message import Application
from .settings import Settings, SettingsError, load_settings

log = logging.getLogger(__name__)

BAD_SETTINGS = 2
CANNOT_LISTEN = 1


def run(program: str, serve: Callable[[Settings, Application], None], app: Application) -> int:
    """Run a server until SIGTERM or SIGINT; return the exit code."""
    try:
        settings = load_settings(program, sys.argv[1:], os.environ)
    except SettingsError as error:
        return say(f"{program}: {error} See --help.", BAD_SETTINGS)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(message)s")
    try:
        serve(settings, app)
    except (OSError, UnicodeError) as error:
        where = f"{settings.host} port {settings.port}"
        return say(
            f"{program}: cannot listen on {where}: {error}."
            " Choose another with --host and --port, or HOST and PORT.",
            CANNOT_LISTEN,
        )
    return 0


def announce(host: str, port: int) -> None:
    """Log where the server listens, as an address to click on."""
    log.info("server.listening url=http://%s:%d", f"[{host}]" if ":" in host else host, port)


def say(message: str, code: int) -> int:
    """Tell the person at the terminal, and return `code`."""
    sys.stderr.write(f"{message}\n")
    return code
