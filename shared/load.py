"""Load with a report: so many requests, from so many clients, to a server on this machine."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import Counter
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MOST_CLIENTS = 1_000
MOST_REQUESTS = 1_000_000
MOST_SECONDS = 600.0
_CHUNK = 65_536


class LoadRefused(ValueError):
    """The load would leave this machine or have no end; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A `body` is sent as JSON."""

    path: str
    method: str = "GET"
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def encoded(self, host: str) -> bytes:
        """Write the request as HTTP/1.1."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        headers = {"Host": host, **self.headers}
        if self.body is not None:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "\r\n"]).encode() + body


@dataclass(slots=True)
class Report:
    """What came of it. Latencies are milliseconds of the requests that got an answer, any answer.

    With a rate they count from the moment at which a request was due: a server that is too slow to
    take it then makes it wait, and the wait belongs to the latency.
    """

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter[int])
    errors: Counter[str] = field(default_factory=Counter[str])
    latencies: list[float] = field(default_factory=list[float])
    unsent: int = 0
    """Requests that were due but found no free client before the time was up."""

    @property
    def answered(self) -> int:
        """How many requests got an answer."""
        return self.statuses.total()

    @property
    def failed(self) -> int:
        """How many got none, or one that says that the server failed."""
        broken = sum(number for status, number in self.statuses.items() if status >= 500)  # noqa: PLR2004
        return self.errors.total() + broken

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float | None:
        """Return the latency that so many percent did not exceed; None if nothing was answered."""
        rank = math.ceil(percent / 100 * len(self.latencies))
        return sorted(self.latencies)[max(rank, 1) - 1] if self.latencies else None

    @property
    def p50(self) -> float | None:
        """The median latency."""
        return self.percentile(50)

    @property
    def p99(self) -> float | None:
        """The latency that one in a hundred exceeds."""
        return self.percentile(99)

    def __str__(self) -> str:
        """Sum up in one line."""
        counts = [f"{number:,} x {status}" for status, number in sorted(self.statuses.items())]
        counts += [f"{number:,} x {error}" for error, number in sorted(self.errors.items())]
        counts += [f"{self.unsent:,} unsent"] if self.unsent else []
        times = f", p50 {self.p50:.1f} ms, p99 {self.p99:.1f} ms" if self.p50 and self.p99 else ""
        return f"{self.rate:,.0f} answers/s in {self.seconds:.1f} s{times}: {', '.join(counts)}"


def load(  # noqa: PLR0913 - the bounds have names and defaults
    url: str,
    call: Callable[[int], Call],
    *,
    clients: int = 32,
    requests: int = 1_000,
    seconds: float = 10.0,
    rate: float | None = None,
    timeout: float = 5.0,
) -> Report:
    """Send `call(0)`, `call(1)` … until so many requests or seconds have passed, and report.

    Without a rate, each client sends its next request when the last one is answered (a closed
    loop): a slow server gets less to do. With a rate, requests fall due at that many per second
    whatever the server does (an open loop), as they do when the clients are people.

    Raises LoadRefused for a host other than this machine, and for bounds that are none.
    """
    _check(clients=(clients, MOST_CLIENTS), requests=(requests, MOST_REQUESTS))
    _check(seconds=(seconds, MOST_SECONDS), timeout=(timeout, MOST_SECONDS))
    _check(rate=(1.0 if rate is None else rate, MOST_REQUESTS))
    run = _Run(*_loopback(url), call, requests, seconds, rate, timeout)
    return asyncio.run(run.shared_by(min(clients, requests)))


def _loopback(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "http" or not _is_here(host):
        raise LoadRefused(f"{url} is not on this machine: load goes to http://127.0.0.1:PORT only.")
    return host, parts.port or 80


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _check(**bounds: tuple[float, float]) -> None:
    for name, (value, most) in bounds.items():
        if not 0 < value <= most:
            raise LoadRefused(f"{name} must be more than 0 and at most {most:,.0f}, not {value}.")


@dataclass
class _Run:
    """One run: the clients draw from a common list of requests, each when it is free."""

    host: str
    port: int
    call: Callable[[int], Call]
    requests: int
    seconds: float
    rate: float | None
    timeout: float
    report: Report = field(default_factory=Report)

    async def shared_by(self, clients: int) -> Report:
        """Let so many clients share the work."""
        due = math.ceil(self.rate * self.seconds) if self.rate else self.requests
        self.numbers = iter(range(min(due, self.requests)))
        self.began = time.perf_counter()
        await asyncio.gather(*(self.client() for _ in range(clients)))
        self.report.seconds = time.perf_counter() - self.began
        self.report.unsent = sum(1 for _ in self.numbers) if self.rate else 0
        return self.report

    async def client(self) -> None:
        """Send one request after the other, until there are none or the time is up."""
        connection = _Connection(self.host, self.port)
        while time.perf_counter() < self.began + self.seconds:
            number = next(self.numbers, None)
            if number is None:
                break
            await self.ask(connection, number, await self.due(number))
        connection.close()

    async def due(self, number: int) -> float:
        """Wait for the moment at which a request is due, if it isn't now, and return it."""
        now = time.perf_counter()
        if self.rate is None:
            return now
        moment = self.began + number / self.rate
        await asyncio.sleep(max(0.0, moment - now))
        return moment

    async def ask(self, connection: _Connection, number: int, due: float) -> None:
        """Send one request and write down what came of it."""
        request = self.call(number).encoded(connection.authority)
        try:
            async with asyncio.timeout(self.timeout):
                status = await connection.ask(request)
        except (OSError, httptools.HttpParserError) as error:  # a timeout is an OSError
            connection.close()
            self.report.errors[type(error).__name__] += 1
        else:
            self.report.statuses[status] += 1
            self.report.latencies.append((time.perf_counter() - due) * 1000)


class _Connection:
    """A connection that is kept alive, and made anew when it is needed and closed."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def authority(self) -> str:
        """What Host says; an IPv6 address stands in brackets."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    async def ask(self, request: bytes) -> int:
        """Send a request, read the whole answer, return its status."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        writer.write(request)
        answer = _Answer()
        while not answer.complete:
            data = await reader.read(_CHUNK)
            if not data:
                raise ConnectionResetError("The server closed the connection before it answered.")
            answer.parser.feed_data(data)
        if not answer.keep_alive:
            self.close()
        return answer.parser.get_status_code()

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Answer:
    """An answer as it comes in; httptools calls back at its end."""

    def __init__(self) -> None:
        self.complete = self.keep_alive = False
        self.parser = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        """Note whether there may be a next request; the parser has forgotten it at the end."""
        self.keep_alive = self.parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """Note that the last byte is here."""
        self.complete = True
