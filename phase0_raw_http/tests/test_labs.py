"""Every experiment runs to its end and finds what the lesson says, at sizes that take a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.course import labs
from shared.phases import find_phase

if TYPE_CHECKING:
    from pathlib import Path

PHASE = find_phase(0)
TESTED = {"anatomy_of_a_request", "blocking_the_loop", "threads_vs_event_loop"}


def rows(name: str, out: Path) -> list[list[str]]:
    """Run an experiment and read the cells of all tables in its report."""
    labs.run(PHASE, name, quick=True, out=out)
    lines = (out / f"{name}.md").read_text().splitlines()
    return [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]


def test_every_experiment_has_a_test() -> None:
    assert set(PHASE.labs) == TESTED


def test_every_line_of_a_request_and_its_answer_has_a_meaning(tmp_path: Path) -> None:
    table = rows("anatomy_of_a_request", tmp_path)

    assert "HTTP/1.1 201 Created\\r\\n" in [cells[1] for cells in table]
    assert not [cells for cells in table if "no word for" in cells[2]]


def test_only_the_threaded_server_has_a_thread_per_waiting_client(tmp_path: Path) -> None:
    table = rows("threads_vs_event_loop", tmp_path)[2:]

    threads = {(server, slow): int(count) for server, slow, count, *_ in table}
    assert threads["threads", "20"] - threads["threads", "0"] >= 19
    assert threads["event loop", "20"] == threads["event loop", "0"] == 1
    assert (tmp_path / "threads_vs_event_loop.svg").exists()


def test_a_report_that_blocks_holds_up_the_others(tmp_path: Path) -> None:
    table = rows("blocking_the_loop", tmp_path)[2:]

    held_up = {way: int(slow) for way, _, slow, *_ in table}
    assert held_up["blocking"] > held_up["awaiting"]
    assert (tmp_path / "blocking_the_loop.svg").exists()
