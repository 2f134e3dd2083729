"""`python -m` and this package's name: read the settings, serve until a signal, leave with 0."""

import signal

import uvicorn

from . import logs
from .http_protocol import StrictProtocol
from .main import create_app
from .settings import Settings, from_environment


def main() -> None:
    """Serve with one process, as the environment says."""
    settings = from_environment()
    logs.configure(settings.log_level)
    serve(settings)


def serve(settings: Settings) -> None:
    """Run uvicorn; on SIGTERM or Ctrl-C it stops listening, finishes what is under way, returns."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            host=settings.host,
            port=settings.port,
            timeout_keep_alive=settings.keep_alive_timeout,
            timeout_graceful_shutdown=settings.shutdown_timeout,
            # The middleware writes a better access log, for a third of the time.
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            ws="none",
            http=StrictProtocol,
        )
    )
    # Uvicorn raises the signal again once it has drained, which would end a process that did
    # everything right with an error. By then there is nothing left for the signal to do.
    for asked_to_stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked_to_stop, lambda _signal, _frame: None)
    server.run()


if __name__ == "__main__":
    main()
