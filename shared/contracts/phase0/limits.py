"""Limits: what a server must not swallow, and whom it must not wait for.

The checks with slow clients wait until the server loses its patience, for 15 seconds at most.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from itertools import repeat
from typing import TYPE_CHECKING

from shared.contracts.kit import Api, Mismatch, check, expect, expect_problem

from .line import dial
from .wire import JSON_BODY, refused, request, statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .line import Line

KIB = 1024
MIB = 1024 * KIB
GET = b"GET /healthz HTTP/1.1"
POST = b"POST /users HTTP/1.1"
PROMPT = 3.0
"""Seconds that are still at once on a busy machine, and less than any server's patience."""
PROMISED = request(POST, JSON_BODY, b"Content-Length: 100")
"""The head of a request whose body is still to come."""


def times_out(line: Line, drops: Iterator[bytes], *, expected: tuple[int | None, ...]) -> None:
    """Drip until the server ends it, in one of the expected ways."""
    status = line.drip(drops)
    if status not in expected:
        raise Mismatch(f"expected 408 for a client that is too slow, got {status or 'no answer'}")


@check("P0-HTTP-43", hint="How much of a line do you read before you know that it is too long?")
def test_an_endless_request_line_is_414(api: Api) -> None:
    """A request line of 128 KiB is 414, or 431 where the limit is one for the whole head."""
    answers = api.raw(request(b"GET /users?name=" + b"a" * (128 * KIB) + b" HTTP/1.1"))

    if not answers or answers[0].status not in {414, 431}:
        raise Mismatch(f"expected 414, got {statuses(answers)}")
    code = {414: "uri_too_long", 431: "headers_too_large"}[answers[0].status]
    expect_problem(answers[0], answers[0].status, code)


@check("P0-HTTP-44", hint="One header may be long, or there may be many: what do you count?")
def test_endless_headers_are_431(api: Api) -> None:
    """Headers of 128 KiB, in one field or in thousands, are 431 headers_too_large."""
    one_long = request(GET, b"X-Long: " + b"a" * (128 * KIB))
    many_short = request(GET, *(b"X-%d: %d" % (n, n) for n in range(10_000)))

    for data in (one_long, many_short):
        answers = api.raw(data)
        assert answers, "expected 431, got no answer"
        expect_problem(answers[0], 431, "headers_too_large")


@check(
    "P0-HTTP-45", hint="The announced length is known before the first byte of the body is there."
)
def test_an_announced_giant_is_413(api: Api) -> None:
    """A body announced with a gigabyte is 413 without waiting; an absurd length is 400 or 413."""
    length = b"Content-Length: %d" % (1024 * MIB)

    answers = api.raw(request(POST, JSON_BODY, length))
    assert answers, "expected 413, got no answer"
    expect_problem(answers[0], 413, "body_too_large")

    for size in (b"Content-Length: " + b"9" * 5000, b"Content-Length: " + b"9" * 20):
        refused(api, request(POST, JSON_BODY, size), 400, 413)


@check("P0-HTTP-46", hint="Every chunk is small enough. And all of them together?")
def test_an_endless_chunked_body_is_413(api: Api) -> None:
    """Small chunks that add up to 32 MiB, or one announced with more, are 413 before the end."""
    chunk = b"10000\r\n" + b" " * 64 * KIB + b"\r\n"

    with dial(api) as line:
        line.send(request(POST, JSON_BODY, b"Transfer-Encoding: chunked"))
        for _ in range(512):
            line.send(chunk)
        status = line.status()

    assert status == 413, f"expected 413, got {status or 'no answer'}"
    giant = request(POST, JSON_BODY, b"Transfer-Encoding: chunked", body=b"f" * 17 + b"\r\n")
    refused(api, giant, 400, 413)


@check(
    "P0-HTTP-47",
    needs=("P0-HTTP-01",),
    hint="A client that never finishes its headers holds something of yours. For how long?",
)
def test_a_stalled_head_is_408(api: Api) -> None:
    """A client that stops in the middle of its headers is answered 408 within 15 seconds."""
    with dial(api) as line:
        line.send(b"GET /healthz HTTP/1.1\r\nHost: pha")
        times_out(line, repeat(b""), expected=(408,))


@check(
    "P0-HTTP-48",
    needs=("P0-HTTP-47",),
    hint="Your timeout starts anew with every byte. Who benefits from that?",
)
def test_a_dripping_head_is_408(api: Api) -> None:
    """A client that sends its headers drop by drop is answered 408 within 15 seconds."""
    with dial(api) as line:
        line.send(b"GET /healthz HTTP/1.1\r\nHost: phase0.test\r\nX-Slow: ")
        times_out(line, repeat(b"a"), expected=(408,))


@check(
    "P0-HTTP-49",
    needs=("P0-HTTP-01",),
    hint="The head came quickly. Is the body on the same clock, on its own, or on none?",
)
def test_a_dripping_body_is_408(api: Api) -> None:
    """A client that sends its body drop by drop is answered 408 within 15 seconds."""
    with dial(api) as line:
        line.send(PROMISED)
        times_out(line, repeat(b" "), expected=(408,))


@check(
    "P0-HTTP-50",
    needs=("P0-HTTP-28",),
    hint="Keeping a connection is a courtesy, not a promise for life.",
)
def test_an_idle_connection_is_closed(api: Api) -> None:
    """A connection that stays silent after an answer is closed within 15 seconds."""
    with dial(api) as line:
        line.send(request(GET))
        assert line.status() == 200
        times_out(line, repeat(b""), expected=(None, 408))


@check(
    "P0-HTTP-51",
    needs=("P0-HTTP-01",),
    hint="What does a client that is waiting cost you, and what do you have left when 200 do it?",
)
def test_slow_clients_do_not_stop_the_others(api: Api) -> None:
    """With 200 clients stuck in their headers or bodies, another one is served at once."""
    with ExitStack() as stuck:
        for n in range(200):
            line = stuck.enter_context(dial(api))
            line.send(PROMISED if n % 2 else b"GET /healthz HTTP/1.1\r\n")

        served_at_once(api)


@check(
    "P0-HTTP-52",
    needs=("P0-HTTP-17",),
    hint="You have hung up and wait for the other side to do so too. Who else waits meanwhile?",
)
def test_refused_clients_do_not_stop_the_others(api: Api) -> None:
    """While refused clients keep their side of the connection open, others are served at once."""
    with ExitStack() as lingering:
        for _ in range(20):
            line = lingering.enter_context(dial(api))
            line.send(b"rubbish\r\n\r\n")

        served_at_once(api)


def served_at_once(api: Api) -> None:
    """Expect answers before any patience with the slow ones can have run out."""
    with closing(Api(api.base_url, PROMPT)) as other:
        other.exchanges = api.exchanges  # to be shown beside a failure
        for _ in range(5):
            expect(other.get("/healthz"), 200)
