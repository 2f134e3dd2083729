"""The grader's half inside pytest: checks in order of their needs, each verdict told at once."""

from __future__ import annotations

import json
import os
import socket
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import httpx
import pytest

from .exchange import Overdue
from .kit import Check, check_of
from .plugin import api_of, replay

if TYPE_CHECKING:
    from collections.abc import Generator

VerdictName = Literal["pass", "fail", "timeout", "skipped", "error"]

_MISREAD = (LookupError, TypeError, ValueError, AttributeError)
_LONGEST_OUTPUT = 4000


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the grader says to its half in here."""
    group = parser.getgroup("grader")
    group.addoption("--verdicts", type=int, help="file descriptor that verdicts are written to")
    group.addoption("--server-output", type=Path, help="file that the server's output goes to")


def pytest_configure(config: pytest.Config) -> None:
    """Report only when somebody listens."""
    descriptor = config.getoption("--verdicts")
    if descriptor is not None:
        output = config.getoption("--server-output")
        config.pluginmanager.register(Reporter(descriptor, output), "verdict-reporter")


class Reporter:
    """Writes one JSON line per event: what will run, what has begun, how it ended."""

    def __init__(self, descriptor: int, output: Path | None) -> None:
        self._descriptor = descriptor
        self._output = output
        self._output_seen = 0
        self._verdicts: dict[str, VerdictName] = {}
        self._roots: dict[str, str] = {}  # of a skipped check: the one that really failed

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put needed checks first and say what is to come."""
        items[:] = by_needs(items)
        self._tell("plan", checks=[label(item) for item in items])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Skip a check when one that it needs didn't pass, and name where that began."""
        check = described(item)
        self._output_seen = self._output_size()
        self._tell("begin", id=label(item), sentence=check.sentence)
        for needed in needs_of(item):
            if self._verdicts.get(needed, "pass") != "pass":
                root = self._roots[label(item)] = self._roots.get(needed, needed)
                pytest.skip(f"needs {root}, which didn't pass")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Turn the end of a check into a verdict."""
        report = yield
        if report.when == "call" or not report.passed:
            self._judge(item, call)
        return report

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of checks that couldn't even be read."""
        if report.failed:
            self._tell("broken", message=str(report.longrepr))

    def _judge(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        check = described(item)
        error = call.excinfo.value if call.excinfo else None
        verdict, message = judged(error, in_setup=call.when != "call")
        self._verdicts[label(item)] = verdict
        self._tell(
            "verdict",
            id=label(item),
            sentence=check.sentence,
            hint=check.hint,
            verdict=verdict,
            message=message,
            seconds=call.duration,
            replay=replay(api_of(item), error) if error and verdict != "skipped" else [],
            output=self._new_output(),
        )
        if verdict in {"fail", "timeout"} and is_gone(str(item.config.getoption("--url", ""))):
            item.session.shouldstop = "the server is gone"
            self._tell("gone")

    def _tell(self, event: str, **facts: object) -> None:
        os.write(self._descriptor, json.dumps({"event": event, **facts}).encode() + b"\n")

    def _output_size(self) -> int:
        return self._output.stat().st_size if self._output else 0

    def _new_output(self) -> str:
        if self._output is None:
            return ""
        with self._output.open("rb") as output:
            output.seek(max(self._output_seen, self._output_size() - _LONGEST_OUTPUT))
            return output.read().decode(errors="replace")


def described(item: pytest.Item) -> Check:
    """Describe a check, or a plain test by its own name."""
    name: str = getattr(item, "originalname", None) or item.name
    return check_of(item) or Check(name, name.replace("_", " "), (), "")


def label(item: pytest.Item) -> str:
    """Name an item: a check's id and, where it runs against several servers, which one."""
    return described(item).id + _parameters(item)


def needs_of(item: pytest.Item) -> list[str]:
    """Name the items that a check needs, by itself or for its fixtures: those of the same server.

    What a fixture needs is said by its contract, in NEEDED_BY_FIXTURE.
    """
    by_fixture: dict[str, str] = getattr(getattr(item, "module", None), "NEEDED_BY_FIXTURE", {})
    fixtures: list[str] = getattr(item, "fixturenames", [])
    for_fixtures = [by_fixture[name] for name in fixtures if name in by_fixture]
    return [f"{need}{_parameters(item)}" for need in (*for_fixtures, *described(item).needs)]


def _parameters(item: pytest.Item) -> str:
    _, bracket, parameters = item.name.partition("[")
    return bracket + parameters


def by_needs(items: list[pytest.Item]) -> list[pytest.Item]:
    """Order items so that what is needed comes first, and otherwise leave them as they are."""
    present = {label(item): item for item in items}
    ordered: dict[int, pytest.Item] = {}
    visited: set[int] = set()

    def visit(item: pytest.Item) -> None:
        if id(item) in visited:
            return
        visited.add(id(item))
        for need in needs_of(item):
            if need in present:
                visit(present[need])
        ordered[id(item)] = item

    for item in items:
        visit(item)
    return list(ordered.values())


def judged(error: BaseException | None, *, in_setup: bool) -> tuple[VerdictName, str]:
    """Tell a wrong server from a slow one, and both from a grader that stumbled."""
    if error is None:
        return "pass", ""
    if isinstance(error, pytest.skip.Exception):
        return "skipped", str(error)
    if isinstance(error, Overdue | httpx.TimeoutException) or _timed_out(error):
        return "timeout", str(error).partition(" from pytest-timeout")[0]
    if (isinstance(error, AssertionError) or _did_not_raise(error)) and not in_setup:
        return "fail", str(error)
    if isinstance(error, _MISREAD) and not in_setup and (line := _line_of_a_check(error)):
        return "fail", f"the answer has another shape than expected: {_named(error)}\nin: {line}"
    return "error", _named(error)


def _did_not_raise(error: BaseException) -> bool:
    """Tell whether a test waited for an error in vain; by pytest.fail the kit speaks of itself."""
    return isinstance(error, pytest.fail.Exception) and str(error).startswith("DID NOT RAISE")


def is_gone(url: str) -> bool:
    """Tell whether nothing listens any more where the server was."""
    address = urlsplit(url)
    if not address.hostname:
        return False
    try:
        socket.create_connection((address.hostname, address.port or 80), 2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _timed_out(error: BaseException) -> bool:
    return isinstance(error, pytest.fail.Exception) and str(error).startswith("Timeout (>")


def _line_of_a_check(error: BaseException) -> str:
    """Find the line, if it is a check's own, in which reading an answer went wrong.

    The reference passes every check, so a check that stumbles over an answer met a strange answer.
    """
    last = traceback.extract_tb(error.__traceback__)[-1]
    is_contract = Path(last.filename).parent.parent == Path(__file__).parent
    return (last.line or "") if is_contract else ""


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def parse_event(line: bytes) -> dict[str, Any]:
    """Read what `Reporter` wrote."""
    return json.loads(line)
