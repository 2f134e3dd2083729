"""What a benchmark reports and when it refuses to; no verdict depends on how fast anything is."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from rich.console import Console

from shared import bench, development, servers
from shared.bench import measure, peer, plan, report
from shared.bench.measure import BenchError, Cores, Sample
from shared.bench.paired import paired
from shared.bench.plan import HERE, NoBenchmark, PeerPhase, Request, plan_of
from shared.bench.same_answers import compare, normal
from shared.phases import find_phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.phases import Phase
    from shared.servers import Server

REQUEST = Request("one thing", "/things/<1-10>", "thing.sql", must=0.95, aim=1.3)
BENCHED = [find_phase(number) for number in plan.phases()]
BESIDE_NODE = [each for each in BENCHED if isinstance(plan_of(each).peer, Path)]
BESIDE_A_PHASE = [each for each in BENCHED if each not in BESIDE_NODE]
# What the service sends as parameters, and pgbench makes up.
MADE_UP = {
    "%(key)s": "(:key1::text || '-' || :key2::text)",
    "%(fingerprint)s": "sha256('an order')",
    "%(user_id)s": ":user_id",
    "%(ids)s": "ARRAY[:one, :other]",
    "%(quantities)s": "ARRAY[1, 2]",
}
STAND_IN = """#!/usr/bin/env python3
# Asks as wrk does, a hundred times or, as somebody, ten times, and reports as wrk.lua does.
import re, sys, time, urllib.error, urllib.request
split = sys.argv.index("--")
url, (path, body, *tokens) = sys.argv[split - 1], sys.argv[split + 1 :]
def filled(text):
    return re.sub(r"<([0-9]+)-[0-9]+>", r"\\1", text.replace("<user>", "1"))
headers = {"Authorization": "Bearer " + tokens[0]} if tokens else {}
headers["Content-Type"] = "application/json"
asked, refused, start = 10 if tokens else 100, 0, time.perf_counter()
for number in range(asked):
    headers["Idempotency-Key"] = f"{start}-{number}"
    sent = filled(body).encode() or None
    try:
        urllib.request.urlopen(urllib.request.Request(url + filled(path), sent, headers)).read()
    except urllib.error.HTTPError:
        refused += 1
seconds = time.perf_counter() - start
print("Running on one connection")
print('{"requests": %d, "seconds": %f, "p50": 1.5, "p99": 2.5, "refused": %d, "broken": 0}'
      % (asked, seconds, refused))
"""


def a_sample(rate: float, generator: float = 0.3) -> Sample:
    return Sample(rate, 1.0, 2.0, Cores(server=1.0, postgres=0.5, generator=generator))


def shown(ours: float, peer: float) -> str:
    """Render the table of a run with one request."""
    results = {
        (REQUEST, report.OURS): a_sample(ours),
        (REQUEST, report.PEER): a_sample(peer),
        (REQUEST, report.LIMIT): Sample(peer * 5, None, None),
    }
    one = plan.Plan(find_phase(1), HERE, HERE, (REQUEST,))
    console = Console(width=150, no_color=True)
    with console.capture() as said:
        console.print(report.table(one, results, seconds=4, rounds=5, pairs={}))
    return said.get()


def shown_by_round(ours: list[float], theirs: list[float]) -> str:
    """Render the table of a run with one request and another phase as the peer."""
    results = {
        (REQUEST, name): [a_sample(rate) for rate in rates]
        for name, rates in ((report.OURS, ours), (report.PEER, theirs))
    }
    one = plan.Plan(find_phase(2), HERE, PeerPhase(1), (REQUEST,))
    pairs = bench.ratios(one, results)
    console = Console(width=150, no_color=True)
    with console.capture() as said:
        console.print(report.table(one, bench.medians(results), 2, len(ours), pairs))
    return said.get()


def test_the_table_puts_our_ratio_beside_what_it_must_reach() -> None:
    text = shown(ours=1_200, peer=1_000)

    assert "1.20 (must 0.95, aim 1.3)" in text
    assert "what the course asks of its own code on a quiet machine" in " ".join(text.split())
    assert re.search(r"Express 5 \+ pg.* 1,000 .* 1\.00 ", text)
    assert re.search(r"pgbench.* 5,000 .* 5\.00 ", text)


def test_beside_another_phase_the_ratios_of_single_rounds_decide() -> None:
    text = shown_by_round(ours=[98.0, 196.0, 49.0] * 4, theirs=[100.0, 200.0, 50.0] * 4)

    assert re.search(r"phase 1 .* 100 .* 1\.00 ", text)
    for figure in ("by round", "by core"):
        assert re.search(rf"{figure} .* 0\.980 \(0\.980 to 0\.980\), must 0\.95: holds", text)
    assert "with a confidence of 96%" in " ".join(text.split())
    assert "pgbench" not in text


def test_an_interval_of_six_rounds_is_all_of_them_and_of_more_rounds_is_narrower() -> None:
    ours = [float(rate) for rate in range(91, 107)]

    six, sixteen = paired(ours[:6], [100.0] * 6), paired(ours, [100.0] * 16)

    assert (six.low, six.high) == (0.91, 0.96)
    assert (sixteen.median, sixteen.low, sixteen.high) == (0.985, 0.94, 1.03)
    assert min(six.confidence, sixteen.confidence) >= 0.95


@pytest.mark.parametrize(
    ("rounds", "must", "verdict"),
    [(16, 0.93, "holds"), (16, 0.95, "undecided"), (16, 1.04, "fails"), (5, 0.5, "undecided")],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(
    rounds: int, must: float, verdict: str
) -> None:
    ratio = paired([float(rate) for rate in range(91, 91 + rounds)], [100.0] * rounds)

    assert ratio.verdict(must) == verdict


def test_the_median_round_is_reported_whole() -> None:
    samples = [Sample(rate, p50, 9.0) for rate, p50 in ((30, 3.0), (10, 1.0), (20, 2.0))]

    middle = bench.medians({(REQUEST, "x"): samples})[REQUEST, "x"]

    assert (middle.rate, middle.p50) == (20, 2.0)


def judge(generator: float) -> None:
    """Hold three samples against what a load generator may take."""
    bench._refuse_saturation({(REQUEST, report.OURS): [a_sample(100, generator)] * 3})  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - the judge alone


def test_a_saturated_generator_has_nothing_to_report() -> None:
    judge(0.89)

    with pytest.raises(BenchError, match=r"load generator itself took 0\.97 of a core"):
        judge(0.97)


def test_a_phase_without_a_benchmark_names_those_that_have_one() -> None:
    with pytest.raises(NoBenchmark, match=r"phase0_raw_http has no benchmark.*: 1, 2"):
        plan_of(find_phase(0))


def test_a_run_without_a_benchmark_exits_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    code = bench.run(find_phase(0))

    assert code == bench.INVALID == 3
    assert "Nothing to report" in capsys.readouterr().out


@pytest.mark.parametrize("phase", BENCHED, ids=lambda phase: phase.package)
def test_every_benchmark_has_its_seed_its_scripts_and_its_peer(phase: Phase) -> None:
    found = plan_of(phase)

    assert (found.folder / "seed.sql").is_file()
    scripts = [request.script for request in found.requests if request.script]
    assert all((found.folder / script).is_file() for script in scripts)
    service = "__main__.py" if isinstance(found.peer, PeerPhase) else "server.js"
    assert (peer_folder(found) / service).is_file()


def peer_folder(found: plan.Plan) -> Path:
    """Return where a plan's peer lives."""
    return found.peer.phase.path if isinstance(found.peer, PeerPhase) else found.peer


@pytest.mark.parametrize("phase", BESIDE_NODE, ids=lambda phase: phase.package)
def test_a_peer_is_locked_by_content_and_names_no_registry(phase: Phase) -> None:
    folder = peer_folder(plan_of(phase))
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))

    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not [name for name, package in packages.items() if "resolved" in package]


def statement_of_the_order() -> str:
    """Return the SQL in the shop's place_order.py, which is read and not imported."""
    source = find_phase(2).path / "place_order.py"
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    [statement] = [text for text in texts if isinstance(text, str) and "WITH claimed" in text]
    return statement


def test_pgbench_is_given_the_sql_of_the_service() -> None:
    script = (HERE / "phase2" / "order.sql").read_text(encoding="utf-8")
    statement = statement_of_the_order()
    for parameter, made_up in MADE_UP.items():
        statement = statement.replace(parameter, made_up)

    given = script.partition("WITH claimed")[2].rstrip(";\n")

    assert given.split() == statement.partition("WITH claimed")[2].split()


def test_answers_are_compared_by_what_they_mean() -> None:
    ours = {"at": "2026-01-01T00:00:00.000000Z", "next_cursor": "b3Vycw", "items": [{"id": 1}]}
    theirs = {"items": [{"id": 1}], "at": "2026-01-01T00:00:00.000Z", "next_cursor": "dGhlaXJz"}

    assert normal(ours) == normal(theirs)
    assert normal(ours) != normal({**theirs, "next_cursor": None})
    assert normal(ours) != normal({**theirs, "items": [{"id": 2}]})


@pytest.fixture(scope="module")
def phase0() -> Iterator[Server]:
    with servers.start("phase0_raw_http") as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[Server]:
    ada = {"name": "Ada", "email": "ada@example.org"}
    with servers.start("phase0_raw_http.event_loop_server") as server:
        httpx.post(f"{server.url}/users", json=ada, timeout=5)
        yield server


def test_contenders_that_say_the_same_may_compete(phase0: Server, other: Server) -> None:
    compare(Request("health", "/healthz", "", 1, 1), phase0, other)


def test_contenders_that_differ_are_refused_with_both_answers(
    phase0: Server, other: Server
) -> None:
    with pytest.raises(BenchError, match=r"(?s)/users is answered differently.*ada@example.org"):
        compare(Request("users", "/users", "", 1, 1), phase0, other)


def test_requests_are_those_of_users_in_turn() -> None:
    request = Request("mine", "/of/<user>/<1-10>", "", 1, 1, body='{"who": <user>}')

    sample = request.sample(12, user=7)

    assert (sample.path, sample.body) == ("/of/7/3", '{"who": 7}')


def test_an_error_answer_is_no_contender(phase0: Server, other: Server) -> None:
    with pytest.raises(BenchError, match="answered with 404"):
        compare(Request("missing", "/users/<1-10>", "", 1, 1), phase0, other)


@pytest.fixture
def wrk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a stand-in on the path, so that nothing here depends on what a machine has."""
    program = tmp_path / "wrk"
    program.write_text(STAND_IN, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{Path(sys.executable).parent}:/usr/bin:/bin")


@pytest.mark.usefixtures("wrk")
def test_a_measurement_counts_answers_and_processor_time(phase0: Server) -> None:
    sample = measure.load(phase0, Request("health", "/healthz", "", 1, 1), seconds=1)

    assert sample.rate > 0
    assert (sample.p50, sample.p99) == (1.5, 2.5)
    assert sample.cores.server > 0
    assert sample.cores.generator > 0


@pytest.mark.usefixtures("wrk")
def test_error_answers_under_load_invalidate_the_run(phase0: Server) -> None:
    with pytest.raises(BenchError, match=r"of \d+ requests [1-9]\d* got an error"):
        measure.load(phase0, Request("missing", "/users/<1-10>", "", 1, 1), seconds=1)


@pytest.mark.usefixtures("wrk")
@pytest.mark.parametrize("phase", BESIDE_A_PHASE, ids=lambda phase: phase.package)
def test_two_phases_that_answer_the_same_are_measured_in_turn(
    phase: Phase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_BUSY", 2)  # the stand-in is no match for wrk
    monkeypatch.setenv("COLUMNS", "200")

    code = bench.run(phase, seconds=1, rounds=1)

    text = " ".join(capsys.readouterr().out.split())
    assert code == 0, text
    assert all(request.name in text for request in plan_of(phase).requests)


@pytest.mark.parametrize("phase", BESIDE_A_PHASE, ids=lambda phase: phase.package)
def test_both_phases_are_asked_for_the_same_environment(phase: Phase) -> None:
    peer = plan_of(phase).peer
    assert isinstance(peer, PeerPhase)

    ours, theirs = development.fresh(phase), development.fresh(peer.phase)

    assert ours.keys() == theirs.keys()


def test_a_missing_generator_is_told_with_the_command_that_brings_it(
    phase0: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BenchError, match="apt-get install wrk"):
        measure.load(phase0, Request("health", "/healthz", "", 1, 1), seconds=1)


def test_a_missing_node_is_told_with_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(BenchError, match="apt-get install nodejs npm"):
        peer.command(HERE)
