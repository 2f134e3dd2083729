"""PostgreSQL and Redis in Docker containers: started once, found by their label, reused."""

from __future__ import annotations

import os
import shlex
import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, cast

import docker
import psycopg
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

from .errors import InfraError
from .processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from docker.models.containers import Container

    from .state import State

_LABEL = "backend-curriculum.checkout"
_SERVICE = "backend-curriculum.service"
_START_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Image:
    """What to run, and where it listens inside its container."""

    name: str
    port: int
    command: str
    environment: dict[str, str] = field(default_factory=dict[str, str])


class Containers:
    """The containers of one checkout, one for each service, told apart by their labels.

    The labels are the only memory: a run that was killed right after starting a container leaves
    nothing behind that the next run wouldn't find and use. Nothing but `make down` removes them.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        _knock()
        with _naming_the_way_out():
            self._engine = docker.from_env()

    def __enter__(self) -> Self:
        """Begin to use the engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections to the engine; the containers stay."""
        self._engine.close()

    def postgres_url(self) -> str:
        """Return the URL of the maintenance database, of a server that answers."""
        password = self._state.secret("postgres")
        image = Image(
            os.environ.get("POSTGRES_IMAGE", "postgres:18.1"),
            5432,
            "postgres -c max_connections=200 -c timezone=UTC"
            " -c shared_preload_libraries=pg_stat_statements",
            {"POSTGRES_PASSWORD": password},
        )
        port = self._port("postgres", image)
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"
        # The official image starts once to make its cluster, stops, and starts again.
        self._await("postgres", lambda: _accepts(url))
        return url

    def redis_url(self) -> str:
        """Return the URL of the first database, of a server that answers."""
        password = self._state.secret("redis")
        image = Image(
            os.environ.get("REDIS_IMAGE", "redis:8.4"),
            6379,
            f"redis-server --requirepass {password} --save ''",
        )
        port = self._port("redis", image)
        self._await("redis", lambda: _talks(port))
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def stop(self) -> list[str]:
        """Remove the containers; returns what they were."""
        found = self._mine()
        for container in found:
            container.remove(force=True, v=True)
        return [f"the {_service(container)} container" for container in found]

    def _port(self, service: str, image: Image) -> int:
        with self._state.locked():
            for container in self._mine():
                if _is(container, service):
                    _refuse_another(container, service, image)
                    if container.status != "running":
                        _start_again(container)
                    return _published(container, image.port)
            return self._start(service, image)

    def _await(self, service: str, condition: Callable[[], bool]) -> None:
        wait_until(lambda: condition() or not self._running(service), _START_WITHIN)
        if condition():
            return
        raise _silent(next(found for found in self._mine() if _is(found, service)))

    def _running(self, service: str) -> bool:
        return any(_is(found, service) and found.status == "running" for found in self._mine())

    def _mine(self) -> list[Container]:
        label = f"{_LABEL}={self._state.checkout}"
        with _naming_the_way_out():
            return self._engine.containers.list(
                all=True, filters={"label": label}, ignore_removed=True
            )

    def _start(self, service: str, image: Image) -> int:
        # Its reaper would remove the containers with this process; `make down` does that here.
        testcontainers_config.ryuk_disabled = True
        container = DockerContainer(
            image.name, labels={_LABEL: self._state.checkout, _SERVICE: service}
        ).with_command(image.command)
        for name, value in image.environment.items():
            container.with_env(name, value)
        # On loopback only: the course's databases are nobody else's business. Docker's own client
        # takes a pair of address and port; testcontainers' annotation knows ports alone.
        ports = cast("dict[str, object]", container.ports)
        ports[f"{image.port}/tcp"] = ("127.0.0.1", None)
        try:
            container.start()
        except DockerException as error:
            raise InfraError(
                f"{image.name} could not be started: {error}. Choose another image with "
                f"{service.upper()}_IMAGE, or use INFRA=embedded."
            ) from None
        try:
            return _published(container.get_wrapped_container(), image.port)
        finally:
            container.get_docker_client().client.close()


def _knock() -> None:
    """Try the engine's socket ourselves first: Docker's client leaks one when nobody answers."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    kind, _, path = host.partition("://")
    if kind == "unix":
        with _naming_the_way_out(), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(path)


@contextmanager
def _naming_the_way_out() -> Generator[None]:
    try:
        yield
    except (DockerException, OSError) as error:
        raise InfraError(
            f"No Docker engine answers ({error}). Start one, or use INFRA=embedded, "
            "which needs none."
        ) from None


def _is(container: Container, service: str) -> bool:
    return _service(container) == service


def _service(container: Container) -> str:
    labels = cast("dict[str, str]", container.labels)  # pyright: ignore[reportUnknownMemberType] - docker has no annotation
    return labels[_SERVICE]


def _refuse_another(container: Container, service: str, image: Image) -> None:
    """Take no container for what it isn't, and don't replace it either: it may hold rows."""
    made = cast("dict[str, dict[str, object]]", container.attrs)["Config"]
    wanted = {f"{name}={value}" for name, value in image.environment.items()}
    same = made["Image"] == image.name and made["Cmd"] == shlex.split(image.command)
    if not same or not wanted.issubset(cast("list[str]", made["Env"] or [])):
        raise InfraError(
            f"The {service} container was started from {made['Image']} with other settings than "
            f"those of today, from {image.name}. Remove it, with its data: make down"
        )


def _start_again(container: Container) -> None:
    """Start a container that was killed, alone or with its engine: its rows are still in it."""
    try:
        container.start()
    except DockerException as error:
        raise InfraError(
            f"The {_service(container)} container doesn't start again: {error}. "
            "Remove it, with its data: make down"
        ) from None


def _published(container: Container, inside: int) -> int:
    """Return the port of the host behind which the container's port is found."""
    container.reload()
    ports = cast("dict[str, list[dict[str, str]]]", container.ports)
    if found := ports.get(f"{inside}/tcp"):
        return int(found[0]["HostPort"])
    raise _silent(container)


def _silent(container: Container) -> InfraError:
    words = container.logs(tail=10).decode("utf-8", "replace")
    return InfraError(
        f"The {_service(container)} container doesn't answer. Remove it, with its data: make down\n"
        f"Its last words:\n{words}"
    )


def _accepts(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _talks(port: int) -> bool:
    """Tell whether Redis says a word; Docker accepts a connection before anybody is behind it."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64) != b""
    except OSError:
        return False
