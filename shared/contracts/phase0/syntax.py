"""The grammar of a request head: request line, host, header fields (RFC 9112)."""

from __future__ import annotations

from shared.contracts.kit import Api, check, expect, expect_problem

from .line import dial
from .wire import LAST, only, refused, request

GET = b"GET /healthz HTTP/1.1"


@check(
    "P0-HTTP-17",
    hint="A request line has three parts. What else do you let through?",
)
def test_a_malformed_request_line_is_400(api: Api) -> None:
    """A request line that isn't method, target and version is 400, and the connection closes."""
    for line in (
        b"GET",
        b"GET /healthz",
        b"GET /health z HTTP/1.1",
        b"GET healthz HTTP/1.1",
        b"GET /health\x00z HTTP/1.1",
        b"GET /health\xffz HTTP/1.1",
    ):
        refused(api, request(line), 400)

    for version in (b"HTTP/1", b"HTTP/1.1x", b"http/1.1", b"FTP/1.1"):
        refused(api, request(b"GET /healthz " + version), 400, 505)
    refused(api, request(b"G@T /healthz HTTP/1.1"), 400, 501)


@check("P0-HTTP-18", hint="A major version is another language; a minor one is a dialect.")
def test_another_major_version_is_505(api: Api) -> None:
    """HTTP/3.0 or HTTP/9.9 in a request line is 505."""
    for version in (b"HTTP/3.0", b"HTTP/9.9"):
        refused(api, request(b"GET /healthz " + version), 505)


@check(
    "P0-HTTP-19",
    needs=("P0-HTTP-01",),
    hint="A client that talks to a proxy writes the whole URL. Every server must understand it.",
)
def test_a_target_may_be_a_whole_url(api: Api) -> None:
    """A request line with an absolute URL is answered like one with its path."""
    answers = api.raw(request(b"GET http://phase0.test/healthz HTTP/1.1", LAST))

    expect(only(answers), 200, json={"status": "ok"})


@check(
    "P0-HTTP-20",
    needs=("P0-HTTP-01",),
    hint="Some clients send one line end too many after a body (RFC 9112, 2.2).",
)
def test_an_empty_line_before_a_request_is_skipped(api: Api) -> None:
    """An empty line in front of the request line is ignored."""
    expect(only(api.raw(b"\r\n" + request(GET, LAST))), 200)


@check(
    "P0-HTTP-21",
    hint="Many names may live at one address. Which one is meant if none, or two, are given?",
)
def test_a_request_names_one_host(api: Api) -> None:
    """HTTP/1.1 without Host, with two, or with an impossible one, is 400."""
    for hosts in (
        b"",
        b"Host: a.test\r\nHost: a.test\r\n",
        b"Host: a.test\r\nHost: b.test\r\n",
        b"Host: a b\r\n",
        b"Host: a.test/path\r\n",
        b"Host: user@a.test\r\n",
        b"Host: a.test:port\r\n",
    ):
        refused(api, GET + b"\r\n" + hosts + b"\r\n", 400)


@check(
    "P0-HTTP-22",
    needs=("P0-HTTP-01",),
    hint="The older version had no Host and hung up after each answer.",
)
def test_http_1_0_needs_no_host(api: Api) -> None:
    """HTTP/1.0 without Host is answered, and the connection closed."""
    with dial(api) as line:
        line.send(b"GET /healthz HTTP/1.0\r\n\r\n")

        assert (status := line.status()) == 200, f"expected 200, got {status or 'no answer'}"
        assert line.status() is None, "expected the connection to be closed"


@check(
    "P0-HTTP-23",
    hint="Two programs that read one name differently: what can a client hide in between?",
)
def test_a_malformed_header_name_is_400(api: Api) -> None:
    """A header without colon or name, or with a space or odd character in its name, is 400."""
    for field in (
        b"Content-Length : 5",
        b"X-Name",
        b": value",
        b"X Name: value",
        b"X-Name[]: value",
        b"X-N\xc3\xa4me: value",
        b"X-Name\x00: value",
        b"X-Name\t: value",
        b"(comment): value",
    ):
        refused(api, request(GET, field), 400)


@check(
    "P0-HTTP-24", hint="Which bytes end a line for you, and which for the program in front of you?"
)
def test_a_control_character_in_a_value_is_400(api: Api) -> None:
    """A NUL, a bare carriage return or another control character in a value is 400."""
    for value in (b"a\x00b", b"a\rb", b"a\x07b", b"a\x7fb", b"a\r\r"):
        refused(api, request(GET, b"X-Name: " + value), 400)


@check(
    "P0-HTTP-25",
    hint="Header lines could once be folded. Is the second line a header, or more of the first?",
)
def test_a_folded_header_is_400(api: Api) -> None:
    """A header line that begins with a space or a tab is 400."""
    for fold in (b" folded", b"\tfolded", b" Content-Length: 5", b" "):
        refused(api, request(GET, b"X-Name: value", fold), 400)

    refused(api, GET + b"\r\n Host: phase0.test\r\n\r\n", 400)


@check(
    "P0-HTTP-26", hint="Names don't care about case, and values not about the space around them."
)
def test_harmless_variants_are_accepted(api: Api) -> None:
    """Any case in names, tabs and spaces around values, and empty values are accepted."""
    data = (
        b"POST /rpc HTTP/1.1\r\nhOST:phase0.test\r\nEmpty:\r\nX-Latin: caf\xe9\r\n"
        b"CONTENT-type:\t application/json \t\r\ncontent-LENGTH:  2  \r\n"
        b"connection: Close\r\n\r\n[]"
    )

    expect(only(api.raw(data)), 200)


@check(
    "P0-HTTP-27",
    needs=("P0-HTTP-17",),
    hint="Who writes the answer when a request never reaches your routes?",
)
def test_malformed_requests_get_problem_documents(api: Api) -> None:
    """A refusal from below the routes is a problem document too."""
    answer = refused(api, request(b"GET"), 400)
    expect_problem(answer, 400, "malformed_request")

    answer = refused(api, request(b"GET / HTTP/9.9"), 505)
    expect_problem(answer, 505, "version_not_supported")
