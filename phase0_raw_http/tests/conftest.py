"""Both servers, with the echo application or the real one, as processes on real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from phase0_raw_http.tests.echo import SERVERS

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.servers import Server

ECHO = "phase0_raw_http.tests.echo"
SMALL_LIMITS = {
    "MAX_REQUEST_LINE_BYTES": "200",
    "MAX_HEADER_BYTES": "400",
    "MAX_BODY_BYTES": "1000",
}


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """Name the server: threads or event loop."""
    return request.param


@pytest.fixture(scope="module")
def echo_server(kind: str, serve: Serve) -> Server:
    """Serve the echo application with limits that a test can reach."""
    return serve(ECHO, [kind], SMALL_LIMITS)
