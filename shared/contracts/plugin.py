"""Teaches pytest what a check is: the `api` fixture, and failures to be read and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from .client import Api
from .exchange import Exchange, Mismatch
from .kit import check_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

# Checks live in modules named after what they check, so pytest has to be told to explain asserts.
for _folder in Path(__file__).parent.glob("phase*"):
    pytest.register_assert_rewrite(f"{__package__}.{_folder.name}")

MOST_EARLIER = 3
"""Requests before the failing one that are worth repeating."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let checks be chosen by their ids, and tests by their names."""
    words = "run only these checks: ids, beginnings of ids, or names of test functions"
    parser.getgroup("contracts").addoption("--check", action="append", default=[], help=words)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--check` didn't ask for."""
    asked = tuple(cast("list[str]", config.getoption("--check")))
    if asked:
        kept = [item for item in items if _is_asked_for(item, asked)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def _is_asked_for(item: pytest.Item, asked: tuple[str, ...]) -> bool:
    described = check_of(item)
    if described and described.id.startswith(asked):
        return True
    return getattr(item, "originalname", item.name) in asked


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "check(described): a check of a contract")


@pytest.fixture
def api(base_url: str) -> Iterator[Api]:
    """Speak to the server under test, with a memory of its own for every check."""
    client = Api(base_url)
    yield client
    client.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put a failed check's requests and hint beneath its message."""
    report = yield
    described = check_of(item)
    if described and report.failed and call.excinfo:
        report.sections.append((f"{described.id}: {described.sentence}", described.hint))
        lines = replay(api_of(item), call.excinfo.value)
        report.sections.append(("To replay", "\n".join(lines)))
    return report


def api_of(item: pytest.Item) -> Api | None:
    """Find the client that a check used; several that one check uses share their memory."""
    arguments = cast("dict[str, Any]", getattr(item, "funcargs", {}))
    return next((value for value in arguments.values() if isinstance(value, Api)), None)


def replay(api: Api | None, error: BaseException) -> list[str]:
    """Write the request that went wrong for a shell, after the writes that led up to it."""
    exchanges = list(api.exchanges) if api else []
    if not exchanges:
        return []
    last = _place(exchanges, error)
    earlier = [exchange for exchange in exchanges[:last] if exchange.changed_something]
    left_out = len(earlier) - MOST_EARLIER
    lines = [f"# {left_out} writes before these are left out"] if left_out > 0 else []
    for exchange in (*earlier[-MOST_EARLIER:], exchanges[last]):
        lines += [exchange.request.replay(), f"# answered: {exchange.summary()}"]
    return lines


def _place(exchanges: list[Exchange], error: BaseException) -> int:
    """Find the exchange that the error is about: by its answer if it names one, else the last."""
    answer = error.answer if isinstance(error, Mismatch) else None
    places = (
        place
        for place, exchange in enumerate(exchanges)
        if answer is not None and exchange.outcome is answer
    )
    return next(places, len(exchanges) - 1)
