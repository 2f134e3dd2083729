"""Where one message ends and the next begins: lengths, chunks, connections (RFC 9112, 6 to 9)."""

from __future__ import annotations

from shared.contracts.kit import Api, Mismatch, check, expect, expect_problem

from .givens import new_user, user_fields
from .line import dial
from .wire import FOLLOW_UP, JSON_BODY, LAST, only, refused, request, statuses

CHUNKED = b"Transfer-Encoding: chunked"
GET = b"GET /healthz HTTP/1.1"
POST = b"POST /users HTTP/1.1"
PATCH = b"PATCH /users/%d HTTP/1.1"
HIDDEN = request(b"DELETE /users/1 HTTP/1.1")
"""A request that must stay what it is sent as: part of a body."""


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Write pieces as the chunks of a body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


def in_order(api: Api, *requests: bytes, expected: list[int]) -> None:
    """Send requests in one go on one connection, and expect these answers in this order."""
    answers = api.raw(b"".join(requests))
    if [answer.status for answer in answers] != expected:
        wanted = ", ".join(map(str, expected))
        raise Mismatch(f"expected {wanted} on one connection, got {statuses(answers)}")


@check(
    "P0-HTTP-28",
    needs=("P0-HTTP-01",),
    hint="A connection is dear: HTTP/1.1 keeps it until somebody says otherwise.",
)
def test_a_connection_is_kept_until_told_to_close(api: Api) -> None:
    """HTTP/1.1 answers request after request, until Connection: close."""
    with dial(api) as line:
        for data in (request(GET), request(GET), FOLLOW_UP):
            line.send(data)
            assert (status := line.status()) == 200, f"expected 200, got {status or 'no answer'}"

        assert line.status() is None, "expected the connection to be closed"


@check(
    "P0-HTTP-29",
    needs=("P0-HTTP-28",),
    hint="Requests may arrive before you have answered. Whose turn is it?",
)
def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    """Requests sent without waiting are answered in their order, bodies and all."""
    length = b"Content-Length: 2"
    post = request(b"POST /rpc HTTP/1.1", JSON_BODY, length, body=b"[]")
    patch = request(b"PATCH /users/0 HTTP/1.1", JSON_BODY, length, body=b"{}")

    in_order(api, request(GET), post, patch, FOLLOW_UP, expected=[200, 200, 404, 200])


@check(
    "P0-HTTP-30",
    needs=("P0-HTTP-28",),
    hint="You answered without reading the body. Where is it now?",
)
def test_an_unread_body_is_not_a_request(api: Api) -> None:
    """After a request refused before its body was read, the body isn't taken for a request."""
    length = b"Content-Length: %d" % len(HIDDEN)
    for line in (b"POST /nope HTTP/1.1", b"DELETE /users HTTP/1.1", POST, GET):
        data = request(line, length, b"Content-Type: text/plain", body=HIDDEN) + FOLLOW_UP
        answers = api.raw(data)

        if len(answers) == 2 and answers[1].status == 200:
            continue  # the body was read, and the connection went on
        if len(answers) != 1:  # or it was left unread, and the connection closed
            raise Mismatch(f"the body was taken for a request: {statuses(answers)}")


@check(
    "P0-HTTP-31",
    hint="int() and its cousins accept more than digits. And twice the same is still twice.",
)
def test_a_bad_content_length_is_400(api: Api) -> None:
    """A Content-Length that isn't digits, or is given twice, is 400."""
    for value in (
        b"+2",
        b"-2",
        b"0x2",
        b"2.0",
        b"2_0",
        b"2e0",
        b"",
        b"two",
        b"2 2",
        b"2, 2",
        b"2;",
        b"\xb2",
    ):
        refused(api, request(POST, JSON_BODY, b"Content-Length: " + value, body=b"{}"), 400)

    for other in (b"2", b"4"):
        lengths = (b"Content-Length: 2", b"Content-Length: " + other)
        refused(api, request(POST, JSON_BODY, *lengths, body=b"{}{}"), 400)


@check(
    "P0-HTTP-32",
    hint="Two headers say where the body ends, and a proxy may believe the other one (smuggling).",
)
def test_length_and_chunks_exclude_each_other(api: Api) -> None:
    """Content-Length together with Transfer-Encoding is 400, and the connection closes."""
    body = chunked(b"{}") + HIDDEN

    for length in (b"Content-Length: %d" % len(body), b"Content-Length: 2"):
        refused(api, request(POST, JSON_BODY, length, CHUNKED, body=body), 400)
        refused(api, request(POST, JSON_BODY, CHUNKED, length, body=body), 400)


@check("P0-HTTP-33", hint="A coding you don't know is not one that you may ignore.")
def test_an_unknown_transfer_coding_is_refused(api: Api) -> None:
    """A transfer coding other than chunked, or chunked not at the end, is 400 or 501."""
    for coding in (
        b"gzip",
        b"gzip, chunked",
        b"xchunked",
        b"chunked, gzip",
        b"chunked, chunked",
        b"",
        b"\x0bchunked",
    ):
        field = b"Transfer-Encoding: " + coding
        refused(api, request(POST, JSON_BODY, field, body=chunked(b"{}")), 400, 501)

    old = request(b"POST /users HTTP/1.0", JSON_BODY, CHUNKED, body=chunked(b"{}"))
    refused(api, old, 400)


@check(
    "P0-HTTP-34",
    needs=("P0-USR-15",),
    hint="A sender that doesn't know the length yet sends the body in pieces.",
)
def test_a_chunked_body_is_read(api: Api) -> None:
    """A chunked body counts as one body: pieces, hex sizes, extensions and trailers."""
    user = new_user(api)
    pieces = chunked(b'{"na', b'me": "In pieces', b'"}')
    long_text = b'{"name": "In pieces"' + b" " * 300 + b"}"
    extended = b'00a;note="x"\r\n{"name": "\r\nB;b\r\nIn pieces"}\r\n0\r\nX-Trailer: 1\r\n\r\n'

    for body in (
        pieces,
        extended,
        chunked(long_text),
        chunked(long_text).replace(b"142", b"00142"),
    ):
        new = new_user(api)
        line = PATCH % new["id"]
        answers = api.raw(request(line, JSON_BODY, CHUNKED, body=body) + FOLLOW_UP)
        expect(answers[0], 200, json=new | {"name": "In pieces"})
        assert len(answers) == 2, "the request behind the chunks was lost"

    expect(api.get(f"/users/{user['id']}"), 200, json=user)


@check(
    "P0-HTTP-35",
    needs=("P0-HTTP-34",),
    hint="A chunk says how long it is. Do you check that it was right?",
)
def test_malformed_chunks_are_400(api: Api) -> None:
    """A chunk with a bad size or a wrong end is 400, and the connection closes."""
    for body in (
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"2_\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}xx0\r\n\r\n",
        b"1\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n",
    ):
        refused(api, request(POST, JSON_BODY, CHUNKED, body=body), 400)


@check("P0-HTTP-36", hint="How would you know that the body is over, or that there is one?")
def test_a_post_without_length_is_411(api: Api) -> None:
    """POST, PUT and PATCH without Content-Length or chunks are 411 length_required."""
    for line in (POST, PATCH % 1, b"PUT /users/1 HTTP/1.1"):
        answers = api.raw(request(line, JSON_BODY, LAST))
        expect_problem(only(answers), 411, "length_required")


@check(
    "P0-HTTP-37",
    needs=("P0-USR-01",),
    hint="TCP delivers bytes in pieces of its own choosing. What does one recv() promise?",
)
def test_a_request_may_arrive_byte_by_byte(api: Api) -> None:
    """A request that arrives one byte at a time is answered like any other."""
    body = b'{"name": "Drop by drop", "email": "%s"}' % user_fields()["email"].encode()
    length = b"Content-Length: %d" % len(body)

    with dial(api) as line:
        for byte in request(POST, JSON_BODY, length, body=body):
            line.send(bytes([byte]))
        status = line.status()

    assert status == 201, f"expected 201 for a request in small pieces, got {status}"


@check(
    "P0-HTTP-38",
    needs=("P0-USR-01", "P0-QRY-10"),
    hint="The client hung up in mid-sentence. Did it say what you think it said?",
)
def test_an_unfinished_request_is_not_carried_out(api: Api) -> None:
    """A request whose body ends before its announced length changes nothing."""
    email = user_fields()["email"]
    body = b'{"name": "Cut off", "email": "%s"}' % email.encode()

    for framing, sent in (
        (b"Content-Length: %d" % (len(body) + 1), body),
        (CHUNKED, chunked(body, end=b"")),
        (CHUNKED, chunked(body, end=b"0\r\n")),
    ):
        with dial(api) as line:
            line.send(request(POST, JSON_BODY, framing, body=sent))
            line.hang_up()
            line.status()

    assert expect(api.get(f"/users?email={email}"), 200).json()["total"] == 0, (
        "a user was created from a request that never ended"
    )


@check(
    "P0-HTTP-39",
    needs=("P0-USR-01",),
    hint="The client holds its body back until it hears from you. Who speaks next?",
)
def test_expect_100_continue_is_answered(api: Api) -> None:
    """A client that expects 100-continue gets 100 before it sends its body."""
    body = b'{"name": "Patient", "email": "%s"}' % user_fields()["email"].encode()
    length = b"Content-Length: %d" % len(body)

    with dial(api) as line:
        line.send(request(POST, JSON_BODY, length, b"Expect: 100-Continue"))
        interim = line.status()
        assert interim == 100, f"expected 100 before the body, got {interim}"
        line.send(body)
        final = line.status()

    assert final == 201, f"expected 201 after the body, got {final}"


@check(
    "P0-HTTP-40",
    needs=("P0-HTTP-39",),
    hint="Why ask for a body that you already know you don't want?",
)
def test_a_refusal_needs_no_body(api: Api) -> None:
    """A request refused by its head gets the refusal instead of 100."""
    too_large = b"Content-Length: 1000000000000"
    answers = api.raw(request(POST, JSON_BODY, too_large, b"Expect: 100-continue"))
    expect(only(answers), 413)


@check("P0-HTTP-41", hint="An expectation is a condition: what if you can't meet it?")
def test_an_unknown_expectation_is_417(api: Api) -> None:
    """An Expect other than 100-continue is 417."""
    data = request(POST, JSON_BODY, b"Content-Length: 2", b"Expect: miracles", LAST, body=b"{}")
    expect_problem(api.raw(data)[0], 417, "expectation_failed")


@check(
    "P0-HTTP-42",
    needs=("P0-HTTP-07",),
    hint="The client knows that HEAD brings no body, so it reads yours as what?",
)
def test_head_keeps_the_connection_in_step(api: Api) -> None:
    """After HEAD, a 204 and a 404 on one connection the next answer begins where it should."""
    with dial(api) as line:
        for method, path, expected in (
            (b"HEAD", b"/users", 200),
            (b"HEAD", b"/nope", 404),
            (b"OPTIONS", b"/users", 204),
        ):
            line.send(request(b"%s %s HTTP/1.1" % (method, path)))
            status = line.status(bodyless=True)
            assert status == expected, f"expected {expected} for {method} {path}, got {status}"
        line.send(request(GET))
        status = line.status()

    assert status == 200, f"expected 200 after the bodyless answers, got {status}"
