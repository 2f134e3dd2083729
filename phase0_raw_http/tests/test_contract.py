"""The contract of phase 0, unchanged, on both servers: threads and event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.contracts.phase0 import *  # noqa: F403 - a contract is all of its checks
from shared.contracts.phase0 import ENVIRONMENT

if TYPE_CHECKING:
    from shared.fixtures import Serve
    from shared.servers import Server


SERVERS = {"threads": "phase0_raw_http", "event_loop": "phase0_raw_http.event_loop_server"}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, serve: Serve) -> Server:
    """Serve the phase twice: once with a thread for each connection, once with one for all."""
    return serve(SERVERS[request.param], env=ENVIRONMENT)


@pytest.fixture(scope="module")
def base_url(server: Server) -> str:
    """Name the server under test, so that pytest sees that each check depends on which it is."""
    return server.url
