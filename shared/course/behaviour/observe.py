"""What a phase does when it runs: its API, its database, and what its routes cost there.

The phase is a process of its own, like any server: nothing of it is imported here.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from shared import databases, development, infra, servers
from shared.course.behaviour import api
from shared.course.behaviour.catalogue import tables
from shared.course.behaviour.visitor import SETTINGS, Unknown, Visitor
from shared.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.course.behaviour.api import Document
    from shared.course.behaviour.facts import Facts
    from shared.phases import Phase

_ANSWER_WITHIN = 10.0
_MEASURED_WITHIN = 30.0
_FAILURES = (
    databases.DatabaseError,
    development.Unprepared,
    httpx.HTTPError,
    infra.InfraError,
    psycopg.Error,
    servers.ServerError,
    ValueError,
)


class Unobserved(Exception):
    """A phase could not be watched at work; the message says why."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen; a phase without an OpenAPI document has no `document`."""

    document: Document | None
    tables: Facts
    round_trips: Mapping[str, int]

    @property
    def unmeasured(self) -> list[str]:
        """The routes that nobody knew a request for."""
        return sorted(api.routes(self.document or {}).keys() - self.round_trips.keys())


def observe(phase: Phase) -> Observed:
    """Run the phase on a database of its own, for a few seconds."""
    try:
        with ExitStack() as ending:
            return _observe(phase, ending)
    except _FAILURES as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [repr(error)]
        raise Unobserved(" … ".join(dict.fromkeys([lines[0], lines[-1]]))) from error


def measure(visitor: Visitor, proxy: Proxy, within: float = _MEASURED_WITHIN) -> dict[str, int]:
    """Count the round trips of each route that the visitor can use, at its second request."""
    deadline = time.monotonic() + within
    counts: dict[str, int] = {}
    for route in api.routes(visitor.document):
        if time.monotonic() > deadline:
            break
        try:
            counts[route] = _cost(visitor, proxy, route)
        except (Unknown, httpx.HTTPError):
            continue
    return counts


def _cost(visitor: Visitor, proxy: Proxy, route: str) -> int:
    """Count at the second request: the first prepares the statements."""
    visitor.send(visitor.request(route))
    request = visitor.request(route)
    before = proxy.round_trips
    visitor.send(request)
    return proxy.round_trips - before


def _observe(phase: Phase, ending: ExitStack) -> Observed:
    root = phase.path.parent
    environment = {**SETTINGS, **development.fresh(phase)}
    if not phase.needs_postgres:
        client = _client(ending, ending.enter_context(servers.start(phase.package, root=root)))
        return Observed(_document(client), {}, {})
    url = ending.enter_context(databases.throwaway(infra.postgres(), phase))
    own = {**servers.inherited(), **environment, "DATABASE_URL": url}
    development.make_admin(phase, own, root)
    proxy = ending.enter_context(_proxy(url))
    environment["DATABASE_URL"] = make_conninfo(url, host="127.0.0.1", port=proxy.port)
    started = ending.enter_context(servers.start(phase.package, env=environment, root=root))
    client = _client(ending, started)
    document = _document(client)
    found = tables(url)
    return Observed(document, found, _measured(client, document, environment, proxy))


def _measured(
    client: httpx.Client, document: Document | None, environment: Mapping[str, str], proxy: Proxy
) -> dict[str, int]:
    if document is None:
        return {}
    visitor = Visitor(client, document)
    if "ADMIN_EMAIL" in environment:
        who = (environment[name] for name in development.FIRST_ADMIN)
        visitor = Visitor(client, document, visitor.with_token(*who))
    return measure(visitor, proxy)


def _proxy(url: str) -> Proxy:
    parts = conninfo_to_dict(url)
    return Proxy(str(parts["host"]), int(parts.get("port") or 5432))


def _client(ending: ExitStack, server: servers.Server) -> httpx.Client:
    return ending.enter_context(httpx.Client(base_url=server.url, timeout=_ANSWER_WITHIN))


def _document(client: httpx.Client) -> Document | None:
    answer = client.get("/openapi.json")
    return answer.json() if answer.is_success else None
