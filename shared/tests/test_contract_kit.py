"""The vocabulary of contracts: differences that are pointed at, requests that can be replayed."""

from __future__ import annotations

import importlib
import json
import re
import shlex
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, cast

import pytest

from shared.contracts import raw
from shared.contracts.client import json_bytes
from shared.contracts.exchange import (
    Headers,
    NoAnswer,
    Overdue,
    RawRequest,
    Request,
    shell_quoted,
)
from shared.contracts.kit import (
    Answer,
    Api,
    Check,
    Mismatch,
    expect,
    expect_problem,
    json_differences,
    raced,
    tally,
    unique,
)
from shared.contracts.plugin import replay
from shared.contracts.raw import answers_in
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

CONTRACTS = sorted((ROOT / "shared" / "contracts").glob("phase*"))
GET = Request("http://127.0.0.1:1", "GET", "/x?y=1")
SHORTEST_HINT = 15
CURL = "curl --globoff --path-as-is -i -X"
PROBLEM = {
    "type": "about:blank",
    "title": "Unprocessable Content",
    "status": 422,
    "detail": "Both are wrong.",
    "instance": "/x",
    "code": "invalid_payload",
    "errors": [{"field": "name", "message": "is blank"}],
}


def answer(status: int, body: object = None, media_type: str = "application/json") -> Answer:
    headers = Headers([("Content-Type", media_type)])
    return Answer(status, headers, json.dumps(body).encode(), GET)


def checks_in(contract: str) -> dict[str, Check]:
    module = importlib.import_module(f"shared.contracts.{contract}")
    marks = {
        name: getattr(function, "pytestmark", [])
        for name, function in vars(module).items()
        if name.startswith("test_")
    }
    return {name: cast("Check", mark[0].args[0]) for name, mark in marks.items() if mark}


def written_in(contract: str, modules: str = "*.py") -> set[str]:
    folder = ROOT / "shared" / "contracts" / contract
    texts = [module.read_text() for module in folder.glob(modules)]
    return {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}


OF_NAMED_BUYERS = written_in("phase2", "named_buyers.py")


class Echo(BaseHTTPRequestHandler):
    """Answers every request with what it was."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer with the request."""
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length).decode("latin-1")
        told = {"target": self.path, "headers": dict(self.headers), "content": content}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_GET = do_HEAD = do_PUT = do_POST  # noqa: N815 - as http.server calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Say nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def echo() -> Iterator[Api]:
    with serving(Echo) as url:
        client = Api(url, timeout=5)
        yield client
        client.close()


@pytest.mark.parametrize("contract", [folder.name for folder in CONTRACTS])
def test_every_check_has_an_id_a_sentence_and_a_hint(contract: str) -> None:
    checks = checks_in(contract)

    assert checks, "a contract has checks"
    for name, check in checks.items():
        since = re.fullmatch(r"P(\d)-[A-Z]+-\d\d", check.id)
        assert since, name
        assert int(since[1]) <= int(contract.removeprefix("phase")), name
        assert check.sentence.endswith("."), f"{check.id}: {check.sentence!r} is no sentence"
        assert len(check.hint) > SHORTEST_HINT, f"{check.id} has no hint worth reading"


@pytest.mark.parametrize("contract", [folder.name for folder in CONTRACTS])
def test_check_ids_are_unique_and_needs_exist(contract: str) -> None:
    checks = checks_in(contract).values()

    ids = Counter(check.id for check in checks)
    assert [check for check, count in ids.items() if count > 1] == []
    assert {need for check in checks for need in check.needs} <= set(ids)


@pytest.mark.parametrize("contract", [folder.name for folder in CONTRACTS])
def test_no_check_is_lost_on_its_way_into_the_contract(contract: str) -> None:
    assert set(checks_in(contract)) == written_in(contract) | inherited_by(contract)


def inherited_by(contract: str) -> set[str]:
    """Name the checks that a contract takes over from earlier ones."""
    if contract == "phase3":
        return written_in("phase2") - OF_NAMED_BUYERS
    if contract == "phase4":
        return written_in("phase3") | inherited_by("phase3")
    return set()


def test_what_a_shop_with_identity_leaves_out_needs_a_buyer_in_the_body() -> None:
    checks = checks_in("phase2")

    assert {checks[name].id for name in OF_NAMED_BUYERS} == {"P2-ORD-06", "P2-ORD-19", "P2-IDM-11"}


def test_a_difference_is_pointed_at() -> None:
    expected = {"items": [{"id": 1}, {"id": 2}], "total": 2, "next": None}
    actual = {"items": [{"id": 1, "x": 0}, {"id": 3}], "total": "2"}

    assert json_differences(expected, actual) == [
        "$.items[1].id: expected 2, got 3",
        '$.total: expected 2, got "2"',
        "$.next: expected null, but it is missing",
    ]


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), (None, 0)])
def test_json_types_are_not_mixed_up(one: object, other: object) -> None:
    assert json_differences(one, other)
    assert not json_differences(one, one)


def test_arrays_are_compared_to_their_end() -> None:
    assert json_differences([1], [1, 2]) == ["$: expected 1 items, got 2"]
    assert json_differences([], {}) == ["$: expected [], got {}"]


def test_expect_returns_the_answer_or_names_both_statuses() -> None:
    fine = answer(201, {"id": 1})

    assert expect(fine, 201, json={"id": 1}) is fine
    with pytest.raises(Mismatch, match="expected 200 OK, got 201 Created") as caught:
        expect(fine, 200)
    assert caught.value.answer is fine


def test_a_header_is_expected_present_or_absent() -> None:
    got = answer(200)

    expect(got, 200, headers={"content-type": "application/json", "Allow": None})
    with pytest.raises(Mismatch, match="header Allow: expected GET, got none"):
        expect(got, 200, headers={"Allow": "GET"})
    with pytest.raises(Mismatch, match="header Location: expected, but"):
        _ = got.headers["Location"]


def test_a_charset_behind_a_media_type_is_no_difference() -> None:
    got = answer(200, media_type="application/json; charset=utf-8")

    expect(got, 200, headers={"Content-Type": "application/json"})
    with pytest.raises(Mismatch, match="Content-Type"):
        expect(got, 200, headers={"Content-Type": "application/json; charset=latin-1"})


@pytest.mark.parametrize("body", [b"Hello", b"", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_mismatch(body: bytes) -> None:
    got = Answer(200, Headers([("Content-Type", "application/json")]), body, GET)

    with pytest.raises(Mismatch, match="body: expected JSON"):
        got.json()


def test_a_missing_member_is_a_mismatch_and_no_key_error() -> None:
    with pytest.raises(Mismatch, match=r"'id': expected, but there are only \['name'\]"):
        _ = answer(200, {"name": "Ada"}).json()["id"]
    with pytest.raises(Mismatch, match="expected JSON, got text/html"):
        answer(200, media_type="text/html").json()


def test_a_problem_needs_all_its_members_and_fields() -> None:
    media_type = "application/problem+json"

    expect_problem(answer(422, PROBLEM, media_type), 422, "invalid_payload", fields=["name"])
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"code": "other"}, r"\$\.code"),
        ({"status": 400}, r"\$\.status"),
        ({"detail": ""}, r"\$\.detail"),
        ({"instance": "/y"}, r"\$\.instance"),
        ({"errors": []}, "to be named, found nothing"),
        ({"errors": [{"field": "name"}]}, r"\$\.errors\[0\]\.message"),
        ({"errors": "name"}, "expected a list"),
    )
    for change, words in changes:
        bad = answer(422, PROBLEM | change, media_type)
        with pytest.raises(Mismatch, match=words):
            expect_problem(bad, 422, "invalid_payload", fields=["name"])
    with pytest.raises(Mismatch, match="Content-Type"):
        expect_problem(answer(422, PROBLEM), 422, "invalid_payload")


def test_a_request_goes_out_as_written(echo: Api) -> None:
    path = "/a%2Fb/../c?x=%zz&y=a+b"

    told = expect(echo.get(path, params={"q": "50% & more", "n": [1, 2]}), 200).json()

    assert told["target"] == f"{path}?q=50%25%20%26%20more&n=1&n=2"
    assert told["headers"]["Host"] == echo.base_url.removeprefix("http://")


def test_json_is_sent_with_its_type_unless_another_is_named(echo: Api) -> None:
    told = echo.post("/", json={"name": "Zoë"}).json()
    patched = echo.put("/", json={}, headers={"content-type": "text/plain"}).json()
    bare = echo.post("/", content=b"x").json()

    assert told["content"].encode("latin-1") == '{"name": "Zoë"}'.encode()
    assert told["headers"]["Content-Type"] == "application/json"
    assert patched["headers"]["content-type"] == "text/plain"
    assert "content-type" not in {name.lower() for name in bare["headers"]}
    assert json.loads(json_bytes({"half": "\ud800"})) == {"half": "\ud800"}


def test_a_failure_is_replayed_after_the_writes_before_it(echo: Api) -> None:
    echo.post("/first", json={"n": 1})
    echo.get("/unrelated")
    wanted = echo.get("/wanted")
    echo.get("/later")

    lines = replay(echo, Mismatch("it differs", wanted))

    url = echo.base_url
    assert [line for line in lines if line.startswith("curl")] == [
        f"{CURL} POST -H 'Content-Type: application/json' --data-binary '{{\"n\": 1}}' {url}/first",
        f"{CURL} GET {url}/wanted",
    ]


@pytest.mark.parametrize(
    "text", ["it's", "a\nb", "\t'\\x'", "$HOME `id` !", "Zoë 👩‍💻", "\u202e\u200b"]
)
def test_a_shell_reads_back_what_was_quoted(text: str) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", f"printf %s {shell_quoted(text)}"], capture_output=True, check=True
    )

    assert done.stdout.decode() == text


def test_raw_bytes_are_replayed_by_printf() -> None:
    data = b"GET /%41 HTTP/1.1\r\nX: '\\\x00\xff\r\n\r\n"

    command = RawRequest("h", 1, data).replay().partition(" | ")[0]

    assert len(shlex.split(command)) == 2
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, check=True)
    assert done.stdout == data


def test_silence_and_absence_are_told_apart() -> None:
    class Silent(Echo):
        def do_GET(self) -> None:
            released.wait(10)

    released = threading.Event()
    with serving(Silent) as url:
        with pytest.raises(Overdue, match=r"no answer to GET /x within 0\.2 s"):
            Api(url, timeout=0.2).get("/x")
        released.set()
    gone = Api(url)
    with pytest.raises(Mismatch, match="nothing listens there"):
        gone.get("/x")
    assert not isinstance(gone.exchanges[0].outcome, Answer)


@pytest.mark.parametrize(
    ("statuses", "shown"),
    [([201, 500, 409], 1), ([201, 201, 409], 0), ([201, 201, 503], 2), ([201], None)],
)
def test_of_statuses_that_dont_add_up_the_oddest_is_replayed(
    statuses: list[int], shown: int | None
) -> None:
    answers = [answer(status) for status in statuses]

    with pytest.raises(Mismatch, match=r"\{201: 1, 409: 1\}") as caught:
        tally(answers, s201=1, s409=1)

    assert caught.value.answer is (None if shown is None else answers[shown])
    tally([answer(409), answer(201)], s201=1, s409=1, s503=0)


@pytest.mark.parametrize(("clients", "asked"), [(12, True), (2, False)])
def test_a_crowd_that_is_turned_away_is_asked_about_the_backlog(
    clients: int, *, asked: bool
) -> None:
    class TurnsAway(Echo):
        def do_GET(self) -> None:
            self.close_connection = True

    with serving(TurnsAway) as url:
        api = Api(url, timeout=5)

        with pytest.raises(NoAnswer, match="the connection was closed") as caught:
            raced(clients, lambda _: api.get("/x"))

        api.close()
    assert (f"a backlog of {clients} or more" in str(caught.value)) is asked


@pytest.mark.parametrize("by", ["client", "socket"])
def test_an_answer_without_end_is_read_no_further_than_it_matters(
    monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    class Endless(Echo):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(ConnectionError):
                while True:
                    self.wfile.write(b"x" * 65536)

    monkeypatch.setattr(raw, "MOST_BYTES", 2**20)
    with serving(Endless) as url:
        api = Api(url, timeout=5)

        with pytest.raises(Mismatch, match="longer than 1 MiB"):
            api.get("/") if by == "client" else api.raw(b"GET / HTTP/1.1\r\n\r\n")

        api.close()


def test_raw_reads_every_answer_on_a_connection(echo: Api) -> None:
    one = b"HEAD /one HTTP/1.1\r\nHost: x\r\n\r\n"
    two = b"GET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    head, full = echo.raw(one + two)

    assert (head.status, head.body) == (200, b"")
    assert full.json()["target"] == "/two"


@pytest.mark.parametrize(
    ("received", "bodies"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", [b"", b""]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n0\r\n\r\n", [b"ab"]),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n",
            [b"a"],
        ),
        (b"HTTP/1.0 200\r\n\r\nuntil the end", [b"until the end"]),
        (b"", []),
    ],
)
def test_answers_are_parsed_in_every_framing(received: bytes, bodies: list[bytes]) -> None:
    assert [one.body for one in answers_in(received, RawRequest("h", 1, b""))] == bodies


@pytest.mark.parametrize(
    "received",
    [
        b"Hello World",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
    ],
)
def test_what_is_no_response_is_a_mismatch(received: bytes) -> None:
    with pytest.raises(Mismatch):
        answers_in(received, RawRequest("h", 1, b""))


def test_unique_words_are_unique() -> None:
    words = {unique("word") for _ in range(100)}

    assert len(words) == 100
    assert not any(set(word) & set("%_ '@") for word in words)
