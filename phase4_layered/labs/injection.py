"""Measure what `Depends` costs when it hands over the same object every time.

Most tutorials give a route its service by `Depends`. FastAPI then finds it out anew at every
request: it looks at what the function wants, calls it, and keeps the answer until the request is
over. That is the thing to have where the answer differs from request to request, such as who is
asking. A service is the same object all day. `main.py` hands it over when the route is made.

A little application is called here as a server would call it, without a network: with a service
handed over once, with one, two and four by `Depends`, and with one by a function that is not
`async`, which FastAPI runs in a thread.
"""

from __future__ import annotations

import asyncio
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, FastAPI, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    from shared.lab import Lab

    Endpoint = Callable[..., Awaitable[Response]]
    Message = MutableMapping[str, Any]

ROUNDS, REQUESTS = 9, 2000
SERVICE = object()


async def first() -> object:
    """Give a service."""
    return SERVICE


async def second() -> object:
    """Give another."""
    return SERVICE


async def third() -> object:
    """Give a third one."""
    return SERVICE


async def fourth() -> object:
    """Give a fourth one."""
    return SERVICE


def in_a_thread() -> object:
    """Give a service, without being `async`."""
    return SERVICE


def routes(service: object) -> dict[str, Endpoint]:
    """Make one route for each way of being given something."""

    async def once() -> Response:
        return answer(service)

    async def one(a: Annotated[object, Depends(first)]) -> Response:
        return answer(a)

    async def two(
        a: Annotated[object, Depends(first)], b: Annotated[object, Depends(second)]
    ) -> Response:
        return answer(a, b)

    async def four(
        a: Annotated[object, Depends(first)],
        b: Annotated[object, Depends(second)],
        c: Annotated[object, Depends(third)],
        d: Annotated[object, Depends(fourth)],
    ) -> Response:
        return answer(a, b, c, d)

    async def threaded(a: Annotated[object, Depends(in_a_thread)]) -> Response:
        return answer(a)

    return {
        "handed over once": once,
        "1 Depends": one,
        "2 Depends": two,
        "4 Depends": four,
        "1 Depends, not async": threaded,
    }


def answer(*services: object) -> Response:
    """Answer as a route does that asks its service."""
    return Response(status_code=204 if services else 500)


def run(lab: Lab) -> None:
    """Call each route, in turns, and compare."""
    lab.predict("By how many microseconds does a Depends lengthen each request?")
    lab.predict("And one whose function is not async?")
    taken = asyncio.run(measured(3 if lab.quick else ROUNDS, 50 if lab.quick else REQUESTS))
    plain = taken["handed over once"]
    lab.table(
        "A request, by how its service comes to the route",
        ("the service is", "µs", "more, µs"),
        [(way, time, time - plain) for way, time in taken.items()],
    )
    lab.note(
        "A `Depends` is worth its price where it says something that differs from request to "
        "request. One that gives the same object every time only takes time."
    )


async def measured(rounds: int, requests: int) -> dict[str, float]:
    """Return the microseconds of a request by each way: medians of interleaved rounds."""
    app = FastAPI()
    ways = {way: f"/{number}" for number, way in enumerate(routes(SERVICE))}
    for way, endpoint in routes(SERVICE).items():
        app.add_api_route(ways[way], endpoint)
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, path in ways.items():
            began = perf_counter()
            for _ in range(requests):
                await ask(app, path)
            times[way].append((perf_counter() - began) / requests * 1e6)
    return {way: median(each) for way, each in times.items()}


async def ask(app: FastAPI, path: str) -> None:
    """Call the application with a request (ASGI 3), and see that it was answered."""
    scope: dict[str, object] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
        "client": None,
        "server": None,
        "asgi": {"version": "3.0"},
    }
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    if statuses != [204]:
        raise RuntimeError(f"{path} was answered {statuses}")
