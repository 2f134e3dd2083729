"""The pytest plugin of the course: databases, servers and clients, made by whoever asks first."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import httpx
import pytest
from psycopg.conninfo import conninfo_to_dict

from shared import databases, development, infra, servers
from shared.phases import Phase, find_phase
from shared.proxy import Proxy
from shared.witness import eventually

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from shared.servers import Server

pytest_plugins = ["shared.contracts.plugin"]

_ANSWER_WITHIN = 10.0
_READ: dict[Server, int] = {}
"""The live servers, and how much of each one's log belongs to earlier tests."""


IMPATIENT = {"POOL_TIMEOUT": "0.5", "STATEMENT_TIMEOUT": "1", "POOL_MIN_SIZE": "1"}
"""Settings of a service that waits briefly, so that tests of waiting are quick."""

CHEAP = {"BCRYPT_COST": "4"}
"""Settings of a service that hashes passwords in no time, so that tests can have many accounts."""


class Serve(Protocol):
    """Starts a service for the tests of one module."""

    def __call__(
        self,
        module: str | None = None,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> Server:
        """Run `python -m module`, the phase's own service if none is named.

        A module of the phase gets the phase's environment; `env` is added, and goes first.
        """
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a contract be held against any server."""
    parser.addoption("--url", help="the server to test, instead of the phase's own")


@pytest.fixture(scope="module")
def phase(request: pytest.FixtureRequest) -> Phase:
    """Find the phase that the test module belongs to."""
    return find_phase(request.path)


@pytest.fixture(scope="module")
def environment(phase: Phase) -> dict[str, str]:
    """Say what the phase's services are given: the module's own secrets, no OpenID provider."""
    given = development.fresh(phase)
    return given | CHEAP if given else {}


@pytest.fixture(scope="module")
def database_url(phase: Phase, environment: dict[str, str]) -> Iterator[str]:
    """Make a database of the module's own, with the phase's schema and no rows at first.

    Where the phase has admins, the first one is there.
    """
    with databases.throwaway(infra.postgres(), phase) as url:
        _make_admin(phase, environment, url)
        yield url


@pytest.fixture
def clean_database(phase: Phase, environment: dict[str, str], database_url: str) -> str:
    """Give the module's database without the rows of earlier tests."""
    databases.empty(database_url)
    _make_admin(phase, environment, database_url)
    return database_url


@pytest.fixture(scope="module")
def serve(phase: Phase, environment: dict[str, str]) -> Iterator[Serve]:
    """Start services that end with the module."""
    with ExitStack() as ending:

        def start(
            module: str | None = None,
            args: Sequence[str] = (),
            env: Mapping[str, str] | None = None,
        ) -> Server:
            module = module or phase.package
            given = environment if module.partition(".")[0] == phase.package else {}
            server = servers.start(module, args, {**given, **(env or {})})
            _READ[server] = 0
            ending.callback(_READ.pop, server)
            return ending.enter_context(server)

        yield start


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, phase: Phase, serve: Serve) -> Server:
    """Serve the phase, on the module's database if it keeps its data in one.

    A phase with several servers overrides this fixture in its conftest.
    """
    if not phase.needs_postgres:
        return serve()
    return serve(env={"DATABASE_URL": request.getfixturevalue("database_url")})


@pytest.fixture(scope="module")
def base_url(request: pytest.FixtureRequest) -> str:
    """Name the server under test: the one that `--url` names, else the phase's own."""
    named = request.config.getoption("--url")
    if isinstance(named, str):
        return named.rstrip("/")
    server: Server = request.getfixturevalue("server")
    return server.url


@pytest.fixture
def http(base_url: str) -> Iterator[httpx.Client]:
    """Open a client of the server under test that waits for no answer longer than ten seconds."""
    with httpx.Client(base_url=base_url, timeout=_ANSWER_WITHIN) as client:
        yield client


@pytest.fixture(scope="module")
def proxy(database_url: str) -> Iterator[Proxy]:
    """Stand between the service and PostgreSQL."""
    parts = conninfo_to_dict(database_url)
    with Proxy(str(parts["host"]), int(parts["port"] or 5432)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def proxied(proxy: Proxy, database_url: str, serve: Serve) -> Server:
    """Serve through the proxy, with little patience."""
    parts = conninfo_to_dict(database_url)
    url = (
        f"postgresql://{parts['user']}:{parts['password']}@127.0.0.1:{proxy.port}/{parts['dbname']}"
    )
    return serve(env={**IMPATIENT, "DATABASE_URL": url})


@pytest.fixture
def through_proxy(proxy: Proxy, proxied: Server) -> Iterator[httpx.Client]:
    """Open a client of the service behind the proxy; whatever a test did to it is undone."""
    with httpx.Client(base_url=proxied.url, timeout=_ANSWER_WITHIN) as client:
        yield client
        proxy.flow()
        proxy.mend()
        eventually(lambda: client.get("/readyz").is_success)


def _make_admin(phase: Phase, environment: Mapping[str, str], database_url: str) -> None:
    own = {**servers.inherited(), **environment, "DATABASE_URL": database_url}
    development.make_admin(phase, own)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Note how much each live server has logged, so that a test is shown its own part."""
    for server in _READ:
        _READ[server] = server.log_path.stat().st_size


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what the servers logged during a failed test beneath its message."""
    report = yield
    if report.failed:
        for server, start in _READ.items():
            server.settle()
            if written := server.log(start):
                report.sections.append((f"log of the server on {server.url}", written))
    return report
