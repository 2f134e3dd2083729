"""However the network cuts a stream of bytes, both servers read the same requests out of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phase0_raw_http.tests.scripted import TALKS, talk_to_event_loop, talk_to_threads

STREAM = (
    b"GET /caf%C3%A9?q=a+b&q=%26 HTTP/1.1\r\nHost: example.com\r\n\r\n"
    b"\r\nPOST /sized HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 9\r\n\r\n\r\n\r\nGET /"
    b"PUT /chunked HTTP/1.1\r\nhoSt:\texample.com \r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5;a="b"\r\nhello\r\n00A ; x\r\n\r\n0\r\n\r\nx\r\n\r\n000\r\nTrailer: ignored\r\n\r\n'
    b"HEAD http://example.com HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
    b"OPTIONS * HTTP/1.1\r\nHost: example.com\r\nX-Twice: a\r\nX-Empty:\r\nx-twice: b\r\n\r\n"
    b"GET /broken HTTP/1.1\r\nHost : example.com\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n"
)
REQUESTS = [
    ("GET", "/caf%C3%A9", ("café",), b""),
    ("POST", "/sized", ("sized",), b"\r\n\r\nGET /"),
    ("PUT", "/chunked", ("chunked",), b"hello\r\n0\r\n\r\nx\r\n"),
    ("HEAD", "/", ("",), b""),
    ("OPTIONS", "*", (), b""),
]
STATUSES = [200, 200, 200, 200, 200, 400]


@pytest.mark.parametrize("server", TALKS)
def test_a_stream_gives_its_requests_wherever_it_is_cut_in_two(server: str) -> None:
    for cut in range(len(STREAM) + 1):
        heard = TALKS[server]([piece for piece in (STREAM[:cut], STREAM[cut:]) if piece])

        read = [(r.line.method, r.line.path, r.line.segments, r.body) for r in heard.requests]
        assert read == REQUESTS, cut
        assert heard.statuses == STATUSES, cut


@pytest.mark.parametrize("server", TALKS)
def test_a_stream_gives_its_requests_byte_by_byte(server: str) -> None:
    heard = TALKS[server](bytes([byte]) for byte in STREAM)

    assert [request.line.path for request in heard.requests] == [path for _, path, *_ in REQUESTS]
    assert heard.statuses == STATUSES


@pytest.mark.parametrize("server", TALKS)
def test_query_and_headers_arrive_decoded(server: str) -> None:
    heard = TALKS[server]([STREAM])

    assert heard.requests[0].line.query == (("q", "a b"), ("q", "&"))
    assert heard.requests[4].headers == {"host": "example.com", "x-twice": "a, b", "x-empty": ""}


FRAGMENTS = st.sampled_from(
    [
        *(STREAM.splitlines(keepends=True)),
        *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"%zz", b"\xff", b"0\r\n\r\n", b"-1"),
        *(b"GET / HTTP/1.1\r\n", b"Host: a\r\n", b"Content-Length: 3\r\n", b"Expect: 100-continue"),
        *(b"Transfer-Encoding: chunked\r\n", b"HTTP/2.0", b"Connection: close\r\n"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS | st.binary(max_size=8), max_size=30))
def test_rubbish_means_the_same_to_both_servers_and_breaks_neither(pieces: list[bytes]) -> None:
    stream = b"".join(pieces)

    threads = talk_to_threads(piece for piece in pieces if piece)
    event_loop = talk_to_event_loop([stream] if stream else [])

    assert threads.requests == event_loop.requests
    assert threads.statuses == event_loop.statuses
    assert 500 not in threads.statuses
