"""The smallest application: every request is answered with its own body.

`python -m phase0_raw_http.tests.echo threads` (or `event_loop`) puts it on a port, for tools such
as h1spec that judge the HTTP of a server and expect an echo.
"""

import sys
from http import HTTPStatus

from phase0_raw_http import event_loop_server, server
from phase0_raw_http.http_message import Request, Response
from phase0_raw_http.process import run

SERVERS = {"threads": server.serve, "event_loop": event_loop_server.serve}


def echo(request: Request) -> Response:
    """Answer with the body that came, whatever the method and the path."""
    return Response(HTTPStatus.OK, request.body, {"Content-Type": "application/octet-stream"})


if __name__ == "__main__":
    # The word is taken off, because `run` reads the settings from what is left.
    sys.exit(run("echo", SERVERS[sys.argv.pop(1)], echo))
