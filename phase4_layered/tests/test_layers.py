"""The layers' rules, held against the sources, and a violation of each, to see it caught."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shared import layers
from shared.layers import Rule, violations

PACKAGE = Path(__file__).parents[1]

RULES = [
    Rule(
        "SQL stands in repositories only",
        "how things are kept can be read, and changed, in one folder.",
        "give a repository a method that says what is wanted, and its port the same one.",
        layers.sql,
        outside=("repositories/",),
    ),
    Rule(
        "Only services begin and end transactions",
        "what must happen together is a decision of the shop, and storage doesn't know it.",
        "say `async with work.transaction()` in the service, around the calls it joins.",
        layers.calls_of("transaction", "commit", "rollback"),
        outside=("services/",),
        exempt={
            "repositories/unit_of_work.py": "it is where a service's transaction() ends up",
            "repositories/planning.py": "SET LOCAL lasts for a transaction; it joins one read",
        },
    ),
    Rule(
        "No text begins or ends a transaction",
        "a COMMIT in a text ends what a service thinks it is still in.",
        "say `async with work.transaction()` in the service.",
        layers.transaction_sql,
        inside=("repositories/",),
    ),
    Rule(
        "Services and domain know no HTTP",
        "a command and a worker ask the same services, and have no use for a status.",
        "raise an error of domain/errors.py; controllers/errors.py knows its status.",
        layers.http,
        inside=("services/", "domain/"),
    ),
    Rule(
        "A request goes no further than the controllers",
        "whoever takes a request can be called by nobody else, and depends on all that is in it.",
        "take what is needed of it (who asks, the attempt, an id) as parameters.",
        layers.names_of("request"),
        inside=("services/", "repositories/", "domain/"),
    ),
    Rule(
        "A route asks a service for one thing",
        "two calls, a loop or a try are a decision, which a command would have to make again.",
        "move it into a method of the service, and call that.",
        layers.busy_routes,
        inside=("controllers/",),
    ),
    Rule(
        "No module keeps anything between requests",
        "two applications in a process would share it, and tests would depend on their order.",
        "keep it in an object that dependencies.py makes; constants are written in CAPITALS.",
        layers.shared_state,
        inside=("controllers/", "services/", "repositories/", "adapters/", "domain/"),
    ),
    Rule(
        "Imports stand at the head of a file",
        "in a function, a way around the fences is easily overlooked.",
        "import it at the head, or have it handed in.",
        layers.late_imports,
    ),
    Rule(
        "Only domain/clock.py asks what time it is",
        "where the clock is handed in, a test lets fourteen days pass at once.",
        "take a Clock, as the other services do, and call it.",
        layers.clocks,
        exempt={"domain/clock.py": "it is the clock"},
    ),
]

# A rule by its place above, a folder, and what breaks the rule in it.
BREACHES = [
    (0, "services/", 'LATEST = "SELECT id FROM orders"'),
    (0, "controllers/", 'LATEST = f"""\n  DELETE FROM {1} WHERE id = 1"""'),
    (0, "domain/", 'LATEST = "update orders set status = 1"'),
    (0, "", 'END = "COMMIT"'),
    (1, "repositories/", "async def f(c):\n    async with c.transaction():\n        pass"),
    (1, "controllers/", "async def f(work):\n    await work.commit()"),
    (2, "repositories/", 'END = "COMMIT"'),
    (2, "repositories/", 'BOTH = "UPDATE orders SET status = 1; COMMIT"'),
    (3, "services/", "class OutOfStock(Exception):\n    status_code: int"),
    (3, "domain/", "def refuse():\n    raise ValueError(409)"),
    (4, "services/", "def f(request):\n    pass"),
    (4, "repositories/", "def f(request):\n    pass"),
    (
        5,
        "controllers/",
        '@router.get("/x")\nasync def f(s):\n    await s.find()\n    await s.cancel()',
    ),
    (
        5,
        "controllers/",
        '@router.get("/x")\nasync def f(s):\n    for x in s:\n        pass',
    ),
    (6, "services/", "seen = {}"),
    (6, "services/", "CACHE: dict[int, str] = {}"),
    (6, "repositories/", "TURNS = asyncio.Semaphore(2)"),
    (6, "controllers/", "class Known:\n    all = list[str]()"),
    (7, "services/", "def f():\n    from ..repositories import orders"),
    (7, "services/", 'def f():\n    return import_module("psycopg")'),
    (8, "services/", "def f():\n    return datetime.now(UTC)"),
    (8, "repositories/", "from time import time"),
]

PERMITTED = [
    ("services/", 'NOTE = "Select one of them, and update your order."'),
    ("services/", '"""SELECT FROM a docstring."""'),
    ("services/", 'NOTE = "Commit to it"'),
    ("services/", "async def f(work):\n    async with work.transaction():\n        pass"),
    ("services/", "KINDS = {1: 2}"),
    ("domain/", "LONGEST = 500"),
    ("adapters/", "def f():\n    return monotonic()"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Plant everything in a copy, each in a file of its own, and return what is told of it."""
    copied = copy_of_the_service(tmp_path_factory.mktemp("breaches"))
    for number, (_, folder, text) in enumerate(BREACHES):
        (copied / folder / f"breach_{number}.py").write_text(f'"""A breach."""\n\n{text}\n')
    for number, (folder, text) in enumerate(PERMITTED):
        (copied / folder / f"permitted_{number}.py").write_text(f'"""None."""\n\n{text}\n')
    return violations(copied, RULES)


def test_the_layers_keep_their_rules() -> None:
    broken = violations(PACKAGE, RULES)

    assert not broken, "\n\n".join(["", *broken])


@pytest.mark.parametrize("number", range(len(BREACHES)))
def test_a_breach_is_told_with_its_place_its_rule_its_reason_and_a_way_out(
    told: list[str], number: int
) -> None:
    rule, folder, text = BREACHES[number]
    place = f"{PACKAGE.name}/{folder}breach_{number}.py:"

    (message,) = [each for each in told if each.startswith(place)]

    line = int(message.removeprefix(place).partition(":")[0])
    assert 3 <= line <= 3 + text.count("\n")
    for part in (RULES[rule].name, RULES[rule].why, RULES[rule].instead):
        assert part in message


def test_nothing_else_is_told(told: list[str]) -> None:
    assert [each for each in told if "/breach_" not in each] == []


def test_every_rule_has_a_breach() -> None:
    assert {rule for rule, _, _ in BREACHES} == set(range(len(RULES)))


def test_an_exemption_that_nothing_needs_is_told(tmp_path: Path) -> None:
    copied = copy_of_the_service(tmp_path)
    (copied / "repositories" / "planning.py").write_text("")

    (message,) = violations(copied, RULES)

    assert message.startswith(f"{PACKAGE.name}/repositories/planning.py: {RULES[1].name}.")


def copy_of_the_service(folder: Path) -> Path:
    """Copy the service without its tests, to break its rules."""
    beside = shutil.ignore_patterns(*layers.BESIDE_THE_SERVICE, "__pycache__")
    return shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=beside)
