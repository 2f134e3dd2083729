"""What an experiment shows, writes and leaves behind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from shared import development, servers
from shared.course import labs
from shared.course.errors import CourseError
from shared.lab import Lab, written
from shared.phases import ROOT, Phase, find_phase

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def a_lab(out: Path, phase: int = 0) -> Lab:
    return Lab(find_phase(phase), "an_experiment", out)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000, "1,000,000"),
        (0.24, "0.24"),
        (9.999, "10.00"),
        (47.3, "47"),
        (-1234.5, "-1,234"),
        (None, "-"),
        ("as it is", "as it is"),
    ],
)
def test_values_are_written_as_a_person_would(value: float | str | None, text: str) -> None:
    assert written(value) == text


def test_a_table_is_shown_and_kept_as_markdown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_lab(tmp_path) as lab:
        lab.table("Depth costs", ("way", "ms"), [("offset", 47.0), ("keyset", 0.24)])
        lab.note("Two ways.")
        lab.conclude("An experiment", "One run.")

    assert "keyset" in capsys.readouterr().out
    assert (tmp_path / "an_experiment.md").read_text() == (
        "# An experiment\n\n**Depth costs**\n\n"
        "| way | ms |\n| --- | ---: |\n| offset | 47 |\n| keyset | 0.24 |\n\n"
        "Two ways.\n\nOne run.\n"
    )


def test_what_looks_like_markup_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with a_lab(tmp_path) as lab:
        lab.table("[red]title", ("[blue]column",), [("ids[1]|[bold]ids",)])
        lab.predict("[dim]which?")
        lab.conclude("An experiment", "One run.")

    shown = capsys.readouterr().out
    for words in ("[red]title", "[blue]column", "ids[1]|[bold]ids", "[dim]which?"):
        assert words in shown
    assert "| ids[1]\\|[bold]ids |" in (tmp_path / "an_experiment.md").read_text()


def test_the_same_data_makes_the_same_picture(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        with a_lab(tmp_path / folder) as lab, lab.figure() as figure:
            figure.add_subplot().plot([1, 2, 3], [1, 4, 9])  # pyright: ignore[reportUnknownMemberType]

    one, two = ((tmp_path / folder / "an_experiment.svg").read_bytes() for folder in ("one", "two"))
    assert one == two
    assert b"<svg" in one


def test_a_prediction_is_asked_for_on_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "fewer"

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setenv("NO_COLOR", "1")
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdin, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys.stdout, "isatty", lambda terminal=terminal: terminal)
        with a_lab(tmp_path) as lab:
            lab.predict("More or fewer?")
            lab.conclude("An experiment", "One run.")

    said = capsys.readouterr().out
    assert len(asked) == 1
    assert said.count("More or fewer?") == 3
    assert said.count("You wrote:") == 1


def test_a_server_ends_with_its_experiment(tmp_path: Path) -> None:
    with a_lab(tmp_path) as lab:
        server = lab.serve()
        alive = httpx.get(f"{server.url}/healthz").status_code

    assert alive == 200
    assert server.process.returncode == 0
    assert not server.log_path.exists()


def test_the_database_has_the_schema_and_is_gone_afterwards(tmp_path: Path) -> None:
    with a_lab(tmp_path, phase=1) as lab:
        url = lab.database_url
        with psycopg.connect(url) as connection:
            rows = connection.execute("SELECT count(*) FROM users").fetchone()

    assert rows == (0,)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_a_server_gets_what_its_phase_needs_and_what_the_experiment_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Mapping[str, str]] = []
    start = servers.start

    def noted(module: str, args: Sequence[str], env: Mapping[str, str]) -> servers.Server:
        given.append(env)
        return start(module, args, env)

    def fresh(_: Phase) -> dict[str, str]:
        return {"A": "1", "B": "2"}

    monkeypatch.setattr(servers, "start", noted)
    monkeypatch.setattr(development, "fresh", fresh)

    with a_lab(tmp_path) as lab:
        lab.serve(env={"B": "3"})
        lab.serve()

    assert given == [{"A": "1", "B": "3"}, {"A": "1", "B": "2"}]


def test_an_experiment_runs_from_its_name_to_its_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "anatomy_of_a_request"

    code = labs.run(find_phase(0), name, quick=True, out=tmp_path)

    report = (tmp_path / f"{name}.md").read_text()
    assert code == 0
    assert labs.heading(find_phase(0).labs[name]) in report
    assert f"make lab PHASE=0 LAB={name}" in report
    assert str(ROOT) not in report
    assert "Written: " in capsys.readouterr().out


def test_experiments_are_listed_with_what_they_are_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    phase = find_phase(0)

    labs.show(phase)

    shown = " ".join(capsys.readouterr().out.split())
    for name, script in phase.labs.items():
        assert f"{name} {' '.join(labs.heading(script).split())}" in shown


def test_an_unknown_experiment_is_told_with_those_that_exist() -> None:
    with pytest.raises(CourseError, match=r"no experiment 'alchemy'.*anatomy_of_a_request"):
        labs.run(find_phase(0), "alchemy")


def test_a_quick_run_is_not_saved_as_a_result(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="save a full one"):
        labs.run(find_phase(0), "anatomy_of_a_request", save=True, quick=True, out=tmp_path)
