"""The grader: a clear verdict and its own exit code for whatever may stand behind an address."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from shared import development
from shared.contracts.exchange import Mismatch, Overdue
from shared.contracts.reporter import judged
from shared.course import checks, subject
from shared.course import grade as grading
from shared.course.checks import run_checks
from shared.course.grade import grade
from shared.course.report import Report
from shared.course.verdicts import Results, Verdict
from shared.phases import find_phase

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from shared.phases import Phase

PHASE = find_phase(0)

BEGINNER = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
answers = json.loads(sys.argv[1])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        print("asked for", self.path, flush=True)
        known = answers.get(self.path) or answers["*"]
        if known == "hang":
            time.sleep(60)
        if known == "die":
            os._exit(3)
        status, media_type, body = known
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
OK = [200, "application/json", '{"status": "ok"}']
READY = [200, "application/json", '{"status": "ready"}']
HELLO = [200, "text/plain", "Hello World"]
NOTHING = [404, "text/plain", "?"]


@pytest.fixture
def beginner(tmp_path: Path) -> Callable[..., str]:
    """Write a command that serves these answers by path; `*` stands for every other path."""
    script = tmp_path / "beginner.py"
    script.write_text(BEGINNER)

    def command(**answers: object) -> str:
        by_path = {("*" if name == "rest" else f"/{name}"): told for name, told in answers.items()}
        return shlex.join([sys.executable, str(script), json.dumps(by_path)])

    return command


@contextmanager
def listening(say: bytes | None) -> Generator[str]:
    """Accept connections, and say the same to each at once; None: accept and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                if say is not None:
                    connection.recv(65536)
                    connection.sendall(say)
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in held:
            connection.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ANSWER_WITHIN", 0.5)


def test_nothing_there(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert grade(PHASE, url=f"http://127.0.0.1:{port}") == 4

    assert "nothing listens there" in capsys.readouterr().out


def test_a_server_that_hangs(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(say=None) as url:
        assert grade(PHASE, url=url) == 4

    assert "it hangs" in capsys.readouterr().out


@pytest.mark.parametrize("rubbish", [b"", b"SSH-2.0-OpenSSH_9.6\r\n", b"\x15\x03\x01\x00\x02\x02"])
def test_a_server_that_speaks_no_http(rubbish: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with listening(say=rubbish) as url:
        assert grade(PHASE, url=url) == 4

    assert "are not HTTP" in capsys.readouterr().out


def test_a_bare_hello_world(
    beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade(PHASE, cmd=beginner(rest=HELLO)) == 4

    said = capsys.readouterr().out
    assert "It answers 200 to every path" in said
    assert "Hello World" in said
    assert "GET /healthz" in said


@pytest.mark.parametrize(
    ("url", "cmd"),
    [
        (None, None),
        ("x", "y"),
        ("ftp://x", None),
        ("http://x/y", None),
        ("http://x:99999", None),
        ("http://x:y", None),
    ],
)
def test_wrong_use(url: str | None, cmd: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(PHASE, url=url, cmd=cmd) == 2

    assert "Wrong use" in capsys.readouterr().out


def test_a_check_that_doesnt_exist(beginner: Callable[..., str]) -> None:
    assert grade(PHASE, cmd=beginner(healthz=OK, rest=NOTHING), only=["P0-NOPE"]) == 2


def test_a_check_passes(beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    command = beginner(healthz=OK, readyz=READY, rest=NOTHING)

    assert grade(PHASE, cmd=command, only=["P0-HTTP-01"]) == 0

    said = capsys.readouterr().out
    assert "1 passed" in " ".join(said.split())
    assert "Every check passed" in said


def test_a_check_fails_and_says_all_it_knows(
    beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [200, "application/json", '{"status": "fine"}']

    assert grade(PHASE, cmd=beginner(healthz=wrong, rest=NOTHING), only=["P0-HTTP-01"]) == 1

    said = capsys.readouterr().out
    assert "✗ P0-HTTP-01" in said
    assert '$.status: expected "ok", got "fine"' in said
    assert "hint" in said
    assert "asked for /healthz" in said, "the server's own output stands beside the failure"
    assert "curl --globoff" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("health", [OK, [200, "text/plain", "\x1b]0;mine\x07"]])
def test_no_answer_takes_command_of_the_terminal(
    health: list[object], beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    rest = [200, "text/plain", "\x1b]0;mine\x07"]

    grade(PHASE, cmd=beginner(healthz=health, rest=rest), only=["P0-HTTP-01"])

    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\\x1b]0;mine" in said


def test_a_check_that_needs_a_failed_one_is_skipped(
    beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    grade(PHASE, cmd=beginner(healthz=OK, rest=NOTHING), only=["P0-USR-01", "P0-USR-02"])

    assert "needs P0-USR-01, which didn't pass: P0-USR-02" in capsys.readouterr().out


def test_a_check_that_needs_a_skipped_one_names_the_failed_one(tmp_path: Path) -> None:
    (tmp_path / "test_chain.py").write_text(
        "from shared.contracts.kit import check\n"
        "@check('X-1', hint='')\n"
        "def test_first(): raise AssertionError\n"
        "@check('X-2', needs=('X-1',), hint='')\n"
        "def test_second(): pass\n"
        "@check('X-3', needs=('X-2',), hint='')\n"
        "def test_third(): pass\n"
    )

    results = run_checks([str(tmp_path), "-p", "no:randomly"], seconds=30)

    messages = [one.message for one in results.verdicts if one.verdict == "skipped"]
    assert messages == ["needs X-1, which didn't pass"] * 2


def test_a_check_needs_what_it_needs_of_its_own_server_alone(tmp_path: Path) -> None:
    (tmp_path / "test_two.py").write_text(
        "import pytest\n"
        "from shared.contracts.kit import check\n"
        "servers = pytest.mark.parametrize('server', ['good', 'bad'])\n"
        "@check('X-2', needs=('X-1',), hint='')\n"
        "@servers\n"
        "def test_second(server): pass\n"
        "@check('X-1', hint='')\n"
        "@servers\n"
        "def test_first(server): assert server == 'good'\n"
    )

    results = run_checks([str(tmp_path), "-p", "no:randomly"], seconds=30)

    assert {one.id: one.verdict for one in results.verdicts} == {
        "X-1[good]": "pass",
        "X-2[good]": "pass",
        "X-1[bad]": "fail",
        "X-2[bad]": "skipped",
    }


def test_a_check_needs_what_its_fixtures_need(tmp_path: Path) -> None:
    (tmp_path / "test_fixtures.py").write_text(
        "import pytest\n"
        "from shared.contracts.kit import check\n"
        "NEEDED_BY_FIXTURE = {'admin': 'X-2'}\n"
        "@pytest.fixture\n"
        "def admin(): raise AssertionError('nobody asks for it')\n"
        "@pytest.fixture\n"
        "def shop(admin): pass\n"
        "@check('X-1', hint='')\n"
        "def test_first(shop): pass\n"
        "@check('X-2', hint='')\n"
        "def test_second(): assert False\n"
        "@check('X-3', hint='')\n"
        "def test_third(): pass\n"
    )

    results = run_checks([str(tmp_path), "-p", "no:randomly"], seconds=30)

    assert [(one.id, one.verdict) for one in results.verdicts] == [
        ("X-2", "fail"),
        ("X-1", "skipped"),
        ("X-3", "pass"),
    ]


def test_a_command_gets_what_its_phase_needs_and_the_checks_know_the_admin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"PEPPER": "x", "ADMIN_EMAIL": "a@x.org", "ADMIN_PASSWORD": "y"}
    told: list[Mapping[str, str]] = []

    @contextmanager
    def running(_: Phase) -> Generator[dict[str, str]]:
        yield given | {"ISSUER": "http://provider"}

    def kept(_: Phase) -> dict[str, str]:
        return given

    def noted(*_: object, env: Mapping[str, str], **__: object) -> Results:
        told.append(env)
        return Results()

    monkeypatch.setattr(development, "running", running)
    monkeypatch.setattr(development, "kept", kept)
    monkeypatch.setattr(grading, "run_checks", noted)
    (tmp_path / "beginner.py").write_text(BEGINNER)
    answers = json.dumps({"/healthz": OK, "*": NOTHING})
    written = f"echo $PEPPER $ISSUER $ADMIN_EMAIL $ADMIN_PASSWORD > {tmp_path}/given"

    grade(PHASE, cmd=f"{written}; exec {sys.executable} {tmp_path}/beginner.py '{answers}'")

    assert (tmp_path / "given").read_text().split() == ["x", "http://provider", "a@x.org", "y"]
    assert told == [{"ADMIN_EMAIL": "a@x.org", "ADMIN_PASSWORD": "y"}]


def test_a_server_that_knows_people_is_asked_by_the_contract_of_a_later_phase(
    beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = [401, "application/json", "{}"]
    command = beginner(healthz=OK, users=refused, rest=NOTHING)

    assert grade(find_phase(2), cmd=command, only=["P2-USR-01"]) == 5

    shown = " ".join(capsys.readouterr().out.split())
    assert "as phase 3's contract has them" in shown
    assert "P2-USR-01" in shown
    assert "The checks need an admin" in shown


def test_a_bug_of_the_grader_is_not_called_wrong_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(grading, "_subject", stumble)

    with pytest.raises(ValueError, match="a bug"):
        grade(PHASE, url="http://127.0.0.1:1")


def test_a_check_that_takes_too_long_is_a_timeout(
    beginner: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "PER_CHECK", 1)
    command = beginner(healthz=OK, readyz="hang", rest=NOTHING)

    assert grade(PHASE, cmd=command, only=["P0-HTTP-01"]) == 3

    assert "⧖ P0-HTTP-01" in capsys.readouterr().out


def test_a_server_that_dies_ends_the_grading(
    beginner: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    command = beginner(healthz=OK, readyz="die", rest=NOTHING)

    assert grade(PHASE, cmd=command, only=["P0-HTTP-01", "P0-HTTP-03"]) == 1

    assert "skipped: the server is gone: P0-HTTP-03" in capsys.readouterr().out


def test_a_command_that_ends_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert grade(PHASE, cmd="echo no such thing >&2; exit 7") == 4

    said = capsys.readouterr().out
    assert "ended with exit code 7 before it answered" in said
    assert "no such thing" in said


def test_a_command_that_never_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subject, "START_WITHIN", 0.5)

    assert grade(PHASE, cmd="sleep 60") == 4

    assert "nothing answers on the port in $PORT" in capsys.readouterr().out


def test_a_command_is_stopped_with_all_its_children(
    beginner: Callable[..., str], tmp_path: Path
) -> None:
    stubborn = f"trap '' TERM; sleep 60 & echo $! > {tmp_path}/child; "
    server = beginner(healthz=OK, readyz=READY, rest=NOTHING)

    with subject.started(stubborn + server, {}):
        child = int((tmp_path / "child").read_text())
        os.kill(child, 0)

    with pytest.raises(ProcessLookupError):
        _until_gone(child)


def test_a_grading_has_an_end(tmp_path: Path) -> None:
    (tmp_path / "test_slow.py").write_text(
        "import time\n\ndef test_first(): pass\ndef test_slow(): time.sleep(60)\n"
        "def test_last(): pass\n"
    )

    results = run_checks([str(tmp_path)], seconds=3)

    assert [(one.id, one.verdict) for one in results.verdicts] == [
        ("test_first", "pass"),
        ("test_slow", "timeout"),
        ("test_last", "skipped"),
    ]
    assert results.exit_code == 3


def test_a_contract_that_cannot_be_read_is_the_graders_fault(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import nothing_of_that_name\n")

    results = run_checks([str(tmp_path)], seconds=30)

    assert results.exit_code == 5
    assert "nothing_of_that_name" in results.trouble


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, "pass"),
        (Mismatch("status: expected 200, got 500"), "fail"),
        (AssertionError("two users have one e-mail"), "fail"),
        (pytest.fail.Exception("DID NOT RAISE NotFound"), "fail"),
        (Overdue("no answer"), "timeout"),
        (pytest.fail.Exception("Timeout (>60.0s) from pytest-timeout."), "timeout"),
        (pytest.skip.Exception("needs P1-USR-01"), "skipped"),
        (RuntimeError("a bug in the kit"), "error"),
        (pytest.fail.Exception("something else"), "error"),
    ],
)
def test_the_five_verdicts_are_never_confused(error: BaseException | None, verdict: str) -> None:
    assert judged(_raised(error), in_setup=False)[0] == verdict


def test_an_assertion_while_preparing_is_the_graders_fault() -> None:
    assert judged(AssertionError("no database"), in_setup=True)[0] == "error"


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        (["pass", "pass"], 0),
        (["pass", "skipped"], 0),
        (["timeout", "fail", "pass"], 1),
        (["pass", "timeout", "skipped"], 3),
        (["fail", "error"], 5),
    ],
)
def test_the_exit_code_says_the_worst(verdicts: list[str], code: int) -> None:
    results = Results(planned=["x"])

    for number, verdict in enumerate(verdicts):
        results.add(Verdict(str(number), verdict))

    assert results.exit_code == code


@pytest.mark.parametrize(
    ("failures", "everything", "told"), [(10, False, False), (11, False, True), (11, True, False)]
)
def test_what_is_shown_by_its_headline_alone_is_said_to_be_more(
    failures: int, *, everything: bool, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    server = subject.Subject("http://127.0.0.1:1")
    report = Report(Console(), PHASE, server, "", everything)
    checks = [f"X-{number}" for number in range(failures)]
    results = Results(planned=checks)

    with report:
        for name in checks:
            report.watch({"event": "verdict", "id": name, "verdict": "fail", "message": "why"})
            results.add(Verdict(name, "fail"))
        report.summary(results)

    said = capsys.readouterr().out
    assert ("The first 10 are shown in full; ALL=1 shows all." in said) is told
    assert said.count("why") == (10 if told else failures)


def _raised(error: BaseException | None) -> BaseException | None:
    """Give an exception the traceback that it would have."""
    if error is None:
        return None
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


def _until_gone(pid: int) -> None:
    """Ask for a process until there is none, which raises; a zombie is gone when it is reaped."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        os.kill(pid, 0)
        time.sleep(0.02)
