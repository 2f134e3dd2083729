"""The grammar, rule by rule: what each parser accepts, what it refuses, and with which code."""

import re

import pytest

from phase0_raw_http import http_syntax as syntax
from phase0_raw_http.errors import ServiceError


def code_of(error: pytest.ExceptionInfo[ServiceError]) -> str:
    return error.value.code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "malformed_request"),
        (b"GET /", "malformed_request"),
        (b"GET  / HTTP/1.1", "malformed_request"),
        (b"GET / HTTP/1.1 ", "malformed_request"),
        (b" GET / HTTP/1.1", "malformed_request"),
        (b"GET\t/\tHTTP/1.1", "malformed_request"),
        (b"GET / http/1.1", "malformed_request"),
        (b"GET / HTTP/1.10", "malformed_request"),
        (b"GET / HTTP/1", "malformed_request"),
        (b"G@T / HTTP/1.1", "malformed_request"),
        (b"GET users HTTP/1.1", "malformed_request"),
        (b"GET * HTTP/1.1", "malformed_request"),
        (b"GET /a\x00b HTTP/1.1", "malformed_request"),
        (b"GET /a\rb HTTP/1.1", "malformed_request"),
        (b"GET /caf\xc3\xa9 HTTP/1.1", "malformed_request"),
        (b"GET /#top HTTP/1.1", "malformed_request"),
        (b"GET /%4 HTTP/1.1", "malformed_request"),
        (b"GET /%zz HTTP/1.1", "malformed_request"),
        (b"GET /%ff HTTP/1.1", "malformed_request"),
        (b"GET /?a=%C3 HTTP/1.1", "malformed_request"),
        (b"GET /?%ED%A0%80=surrogate HTTP/1.1", "malformed_request"),
        (b"GET http:///users HTTP/1.1", "malformed_request"),
        (b"GET http://user@host/ HTTP/1.1", "malformed_request"),
        (b"GET ftp://host/ HTTP/1.1", "malformed_request"),
        (b"GET / HTTP/0.9", "version_not_supported"),
        (b"GET / HTTP/2.0", "version_not_supported"),
        (b"PRI * HTTP/2.0", "version_not_supported"),
        (b"CONNECT example.com:443 HTTP/1.1", "not_implemented"),
    ],
)
def test_a_bad_request_line_is_refused(line: bytes, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.parse_request_line(line)

    assert code_of(error) == code


@pytest.mark.parametrize(
    ("target", "path", "segments"),
    [
        (b"/", "/", ("",)),
        (b"/users/", "/users/", ("users", "")),
        (b"//users", "//users", ("", "users")),
        (b"/a%2Fb/c", "/a%2Fb/c", ("a/b", "c")),
        (b"/%E2%82%AC", "/%E2%82%AC", ("€",)),
        (b"http://example.com", "/", ("",)),
        (b"HTTP://example.com:80?a=1", "/", ("",)),
        (b"https://[::1]/users", "/users", ("users",)),
    ],
)
def test_a_target_is_split_before_it_is_decoded(
    target: bytes, path: str, segments: tuple[str, ...]
) -> None:
    line = syntax.parse_request_line(b"GET " + target + b" HTTP/1.1")

    assert (line.path, line.segments) == (path, segments)


@pytest.mark.parametrize("target", [b"*", b"http://example.com"])
def test_options_may_ask_about_the_server_as_a_whole(target: bytes) -> None:
    assert syntax.parse_request_line(b"OPTIONS " + target + b" HTTP/1.1").path == "*"


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        (b"", ()),
        (b"&&", ()),
        (b"a", (("a", ""),)),
        (b"a=b=c", (("a", "b=c"),)),
        (b"a+b=c%2Bd&x=%26", (("a b", "c+d"), ("x", "&"))),
        (b"a=1&a=2", (("a", "1"), ("a", "2"))),
    ],
)
def test_a_query_is_read_as_forms_write_it(
    query: bytes, pairs: tuple[tuple[str, str], ...]
) -> None:
    assert syntax.parse_query(query) == pairs


@pytest.mark.parametrize(
    "lines",
    [
        [b"no colon"],
        [b": no name"],
        [b"Name : space before the colon"],
        [b"Na me: space in the name"],
        [b"Na[me: bracket"],
        [b"N\xc3\xa4me: no ASCII"],
        [b" Name: folded"],
        [b"Name: a", b"\tfolded"],
        [b"Name: nul\x00"],
        [b"Name: bell\x07"],
        [b"Name: bare\rreturn"],
        [b"Name: delete\x7f"],
        [b"Host: a", b"host: a"],
        [b"Content-Length: 1", b"Content-Length: 1"],
        [b"Content-Type: application/json", b"content-type: text/plain"],
    ],
)
def test_a_bad_header_is_refused(lines: list[bytes]) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.parse_fields(lines)

    assert code_of(error) == "malformed_request"


def test_headers_lose_their_case_and_the_space_around_their_values() -> None:
    lines = [b"X-One:\t a b \t", b"x-ONE:c", b"Caf: \xe9", b"Empty:"]

    assert syntax.parse_fields(lines) == {"x-one": "a b, c", "caf": "é", "empty": ""}


@pytest.mark.parametrize("host", ["example.com", "a:80", "a:", "127.0.0.1:1", "[::1]", "[::1]:8"])
def test_a_good_host_is_accepted(host: str) -> None:
    syntax.check_host((1, 1), {"host": host})


@pytest.mark.parametrize(
    "host", ["", "a b", "a/b", "a@b", "a:b", "a:65536", "[::1", "é", "%zz", "a:80:80"]
)
def test_a_bad_host_is_refused(host: str) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.check_host((1, 0), {"host": host})

    assert code_of(error) == "malformed_request"


def test_only_http_1_0_does_without_a_host() -> None:
    syntax.check_host((1, 0), {})

    with pytest.raises(ServiceError):
        syntax.check_host((1, 1), {})


@pytest.mark.parametrize(
    ("length", "code"),
    [
        ("", "malformed_request"),
        ("-1", "malformed_request"),
        ("+1", "malformed_request"),
        ("1, 1", "malformed_request"),
        ("0x1", "malformed_request"),
        ("1_0", "malformed_request"),
        ("²", "malformed_request"),
        ("101", "body_too_large"),
        ("9" * 100_000, "body_too_large"),
    ],
)
def test_a_bad_length_is_refused(length: str, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.content_length({"content-length": length}, 100)

    assert code_of(error) == code


def test_a_length_may_have_zeros_in_front() -> None:
    assert syntax.content_length({"content-length": "0" * 5000 + "100"}, 100) == 100


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ("gzip, chunked", "not_implemented"),
        ("gzip", "malformed_request"),
        ("chunked, gzip", "malformed_request"),
        ("chunked, chunked", "malformed_request"),
        ("xchunked", "malformed_request"),
        ("", "malformed_request"),
    ],
)
def test_a_bad_transfer_encoding_is_refused(coding: str, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.has_chunked_body((1, 1), {"transfer-encoding": coding})

    assert code_of(error) == code


def test_a_body_has_one_way_to_tell_its_end() -> None:
    both = {"transfer-encoding": "chunked", "content-length": "5"}

    with pytest.raises(ServiceError, match=re.escape("neither with Content-Length")):
        syntax.has_chunked_body((1, 1), both)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "malformed_request"),
        (b"g", "malformed_request"),
        (b"-1", "malformed_request"),
        (b"0x1", "malformed_request"),
        (b" 1", "malformed_request"),
        (b"1 ", "malformed_request"),
        (b"1;\x00", "malformed_request"),
        (b"1;\r", "malformed_request"),
        (b"65", "body_too_large"),
        (b"f" * 1000, "body_too_large"),
    ],
)
def test_a_bad_chunk_size_is_refused(line: bytes, code: str) -> None:
    with pytest.raises(ServiceError) as error:
        syntax.parse_chunk_size(line, 100)

    assert code_of(error) == code


def test_chunk_data_must_end_where_its_size_says() -> None:
    assert syntax.parse_chunk_data(b"data\r\n") == b"data"

    with pytest.raises(ServiceError):
        syntax.parse_chunk_data(b"data..")
