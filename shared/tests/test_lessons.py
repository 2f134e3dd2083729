"""A lesson that says something untrue is caught, with the line where it says so."""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from shared import databases, infra, lessons
from shared.lessons import LessonError
from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

LESSON = """# Title

```console
$ curl -s http://127.0.0.1:8003/hello
hello from 8003
$ echo one; \\
  echo two
one
…
```

```sh
$ not a command of ours
```

1. In a list:

   ```console
   $ true
   ```
"""


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """Write a lesson to be changed by the tests."""
    path = tmp_path / "README.md"
    path.write_text(LESSON)
    return path


@pytest.fixture
def url() -> Generator[str]:
    """Serve a page that names its own port."""

    class Hello(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"hello from {self.headers['Host'].rpartition(':')[2]}\n".encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def phase_with(lesson: Path) -> Phase:
    return Phase(3, "phase3_auth", lesson.parent)


def test_commands_are_found_in_console_blocks_with_line_and_output(lesson: Path) -> None:
    found = [(command.line, command.text, command.expected) for command in lessons.commands(lesson)]

    assert found == [
        (4, "curl -s http://127.0.0.1:8003/hello", ("hello from 8003",)),
        (6, "echo one; \\\n  echo two", ("one", "…")),
        (19, "true", ()),
    ]


def test_the_lesson_runs_against_the_real_port_and_reads_as_written(lesson: Path, url: str) -> None:
    lessons.follow(phase_with(lesson), url)


@pytest.mark.parametrize(
    ("truth", "lie", "complaint"),
    [
        ("hello from", "goodbye from", r"README\.md:4: printed something else"),
        ("$ true", "$ exit 3", r"README\.md:19: ended with 3"),
        ("$ true", "$ echo mail >&2; false", r"README\.md:19: (?s:.*)on standard error\nmail"),
    ],
)
def test_a_lie_is_told_with_its_place(
    lesson: Path, url: str, truth: str, lie: str, complaint: str
) -> None:
    lesson.write_text(LESSON.replace(truth, lie))

    with pytest.raises(LessonError, match=complaint):
        lessons.follow(phase_with(lesson), url)


def test_a_command_that_never_ends_is_told_with_its_place(
    lesson: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "_TIMEOUT", 0.2)
    lesson.write_text(LESSON.replace("$ true", "$ tail -f /dev/null"))

    with pytest.raises(LessonError, match=r"README\.md:19: not done after"):
        lessons.follow(phase_with(lesson), url)


def test_a_phases_command_is_run_where_the_server_is_if_that_is_told(
    tmp_path: Path, url: str
) -> None:
    lesson = tmp_path / "README.md"
    lesson.write_text('```console\n$ make run PHASE=2 DO="forget_keys"\nForgot 7 keys\n```\n')
    phase = Phase(2, "phase2_ecommerce", tmp_path)
    lessons.follow(phase, url)

    with pytest.raises(LessonError, match=r"README\.md:2: ended with 2\n(?s:.*)DATABASE_URL: "):
        lessons.follow(phase, url, {"DATABASE_URL": ""})
    with databases.throwaway(infra.postgres(), find_phase(2)) as database_url:
        environment = {"DATABASE_URL": database_url}
        with pytest.raises(LessonError, match=r"Forgot 7 keys(?s:.*)Forgot 0 idempotency keys"):
            lessons.follow(phase, url, environment)


@pytest.mark.parametrize(("python", "inside"), [("python3", False), (".venv/bin/python", True)])
def test_the_reader_is_in_no_environment_unless_they_name_it(
    lesson: Path, url: str, python: str, *, inside: bool
) -> None:
    asked = f"{python} -c 'import sys; print(sys.prefix != sys.base_prefix)'"
    lesson.write_text(f"```console\n$ {asked}\n{inside}\n```\n")

    lessons.follow(phase_with(lesson), url)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        (("a",), "a\n", True),
        (("a",), "a", True),
        (("a",), "ab\n", False),
        (("a…c",), "abbc\n", True),
        (("a…c",), "ab\nc\n", False),
        (("…",), "", True),
        (("a", "…", "z"), "a\nb\nc\nz\n", True),
        (("a", "…", "z"), "a\nz\n", True),
        (("a", "…", "z"), "a\nb\n", False),
        (("a.c",), "abc\n", False),
        (("Status: 200", "", "{}"), "Status: 200\r\n\r\n{}", True),
    ],
)
def test_an_ellipsis_stands_for_anything(
    expected: tuple[str, ...], printed: str, *, same: bool
) -> None:
    assert lessons.matches(expected, printed) is same


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("if true", "syntax error"),
        ("make teas", "No rule to make target 'teas'"),
        ("make phase77", "There is no phase 'phase77'"),
        ("make lab PHASE=0 LAB=alchemy", "there is no experiment alchemy"),
        ('make run PHASE=2 DO="forget_all x"', "there is no command forget_all"),
        ("PORT=8100 python3 -m phase0_raw_http.nonsense", "there is no module"),
    ],
)
def test_a_command_that_cannot_be_right_is_found_without_running_it(
    lesson: Path, command: str, complaint: str
) -> None:
    lesson.write_text(LESSON.replace("$ true", f"$ {command}"))

    (problem,) = lessons.problems(lesson)

    assert f"{lesson}:19: " in problem
    assert complaint in problem


def test_a_link_that_leads_nowhere_is_found(lesson: Path) -> None:
    lesson.write_text("[here](README.md#part) [web](https://example.org/x)\n[gone](gone.py)\n")

    assert list(lessons.problems(lesson)) == [f"{lesson}:2: the link to gone.py leads nowhere"]


RUN = "**What it took**\n\n| ms |\n| ---: |\n| 7 |\n\n**Else**\n\n| x |\n| --- |\n| y |\n"


def test_a_table_of_a_lab_is_put_in_the_place_of_the_one_with_its_title(
    lesson: Path, tmp_path: Path
) -> None:
    report = tmp_path / "labs" / "results" / "lab.md"
    report.parent.mkdir(parents=True)
    report.write_text(RUN)
    lesson.write_text("Before.\n\n**What it took**\n\n| ms |\n| ---: |\n| 3 |\n\nAfter.\n")

    (stale,) = lessons.problems(lesson)
    lessons.quote(lesson, report)

    assert f"{lesson}:3: no saved run made the table **What it took**" in stale
    assert not list(lessons.problems(lesson))
    assert lesson.read_text() == (
        "Before.\n\n**What it took**\n\n| ms |\n| ---: |\n| 7 |\n\nAfter.\n"
    )


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("python3 -m phase0_raw_http", "phase0_raw_http"),
        (
            "PORT=8100 python -m phase0_raw_http.event_loop_server",
            "phase0_raw_http.event_loop_server",
        ),
        ("python3 -m phase0_raw_http --port 8100", "phase0_raw_http"),
        (".venv/bin/python -m phase0_raw_http", "phase0_raw_http"),
        ("python3 -m phase0_raw_http --help", None),
        ("PORT=x python3 -m phase0_raw_http 2>&1; echo $?", None),
    ],
)
def test_only_what_would_serve_for_ever_is_not_run(text: str, module: str | None) -> None:
    assert lessons.Command(ROOT / "README.md", 1, text).serves == module


def test_the_first_request_of_a_lesson_is_found(lesson: Path) -> None:
    assert lessons.first_curl(lesson) == "curl -s http://127.0.0.1:8003/hello"
