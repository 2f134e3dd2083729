"""Requests as bytes: written by hand, so that a check can get wrong what a client never would."""

from __future__ import annotations

from shared.contracts.kit import Answer, Api, Mismatch

JSON_BODY = b"Content-Type: application/json"
LAST = b"Connection: close"


def request(line: bytes, *fields: bytes, body: bytes = b"") -> bytes:
    """Write a request line, a Host, more fields and a body; nothing is checked or added."""
    return b"\r\n".join((line, b"Host: phase0.test", *fields, b"", body))


FOLLOW_UP = request(b"GET /healthz HTTP/1.1", LAST)


def only(answers: list[Answer]) -> Answer:
    """Return the single answer that a connection should have brought."""
    if len(answers) != 1:
        raise Mismatch(f"expected exactly one answer on this connection, got {statuses(answers)}")
    return answers[0]


def refused(api: Api, data: bytes, *expected: int) -> Answer:
    """Send bytes nobody should understand and a good request behind them; expect one refusal.

    Whoever cannot tell where a message ends cannot tell where the next one begins: the only safe
    thing to do after the refusal is to close the connection.
    """
    answers = api.raw(data + FOLLOW_UP)
    if not answers or answers[0].status not in expected:
        raise Mismatch(f"expected {' or '.join(map(str, expected))}, got {statuses(answers)}")
    if len(answers) > 1:
        raise Mismatch(f"expected the connection to be closed, got {statuses(answers)}")
    return answers[0]


def statuses(answers: list[Answer]) -> str:
    """Put the status codes that came back into words."""
    return ", ".join(str(answer.status) for answer in answers) or "no answer"
