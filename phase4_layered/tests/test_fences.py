"""What may import what: a breach of each contract in pyproject.toml, to see it caught."""

from __future__ import annotations

import re
import shutil
import tomllib
from typing import TYPE_CHECKING

import pytest

from shared.course.check import fences
from shared.layers import BESIDE_THE_SERVICE
from shared.phases import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = ROOT / "phase4_layered"
CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
NAMES: list[str] = [contract["name"] for contract in CONFIGURED["contracts"]]

# How a contract's name begins, a file, what it must not import, and what that is called.
BREACHES = [
    ("Phases and kit", "main.py", "import phase3_auth.logs", "phase3_auth.logs"),
    ("Imports point", "domain/orders.py", "from ..services import orders", "services.orders"),
    ("Services know", "services/orders.py", "from .. import networks", "networks"),
    ("Controllers are", "controllers/orders.py", "from .. import settings", "settings"),
    ("What fills", "repositories/orders.py", "from ..services import stock", "services.stock"),
    ("Only dependencies.py", "main.py", "from .repositories import stock", "repositories.stock"),
    ("HTTP's libraries", "services/orders.py", "from fastapi import Request", "fastapi"),
    ("psycopg stays", "services/orders.py", "from psycopg import errors", "psycopg"),
    ("Each library", "services/orders.py", "import httpx", "httpx"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Commit all breaches in a copy at once; return what is told under each contract's name."""
    root = a_copy(tmp_path_factory.mktemp("fences"))
    for _, file, statement, _ in BREACHES:
        add(root / PACKAGE.name / file, statement)
    said = fences(root)
    starts = sorted((said.index(name), name) for name in NAMES if name in said)
    ends = [start for start, _ in starts[1:]] + [len(said)]
    return {name: said[start:end] for (start, name), end in zip(starts, ends, strict=True)}


@pytest.mark.parametrize(("begins", "file", "_statement", "imported"), BREACHES)
def test_an_import_over_a_fence_is_told_under_the_rule_that_it_breaks(
    told: dict[str, str], begins: str, file: str, _statement: str, imported: str
) -> None:
    (name,) = [name for name in NAMES if name.startswith(begins)]
    importer = f"{PACKAGE.name}.{file.removesuffix('.py').replace('/', '.')}"

    imports = [each.lstrip("- ") for each in told[name].splitlines() if " -> " in each]

    assert len(imports) == 1
    assert re.fullmatch(rf"{importer} -> (.+\.)?{imported} \(l\.\d+\)", imports[0])


def test_every_contract_of_the_layers_has_a_breach() -> None:
    assert [name for name in NAMES if not name.startswith(tuple(b[0] for b in BREACHES))] == []


def test_a_new_module_has_to_say_where_it_stands(tmp_path: Path) -> None:
    root = a_copy(tmp_path)
    (root / PACKAGE.name / "helpers.py").write_text('"""Whatever."""\n')

    said = fences(root)

    assert "Imports point inwards" in said
    assert "helpers" in said


def a_copy(root: Path) -> Path:
    """Copy the service; whatever else the contracts name stands beside it."""
    beside = shutil.ignore_patterns(*BESIDE_THE_SERVICE, "__pycache__")
    shutil.copytree(PACKAGE, root / PACKAGE.name, ignore=beside)
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in set(CONFIGURED["root_packages"]) - {PACKAGE.name}:
        (root / package).symlink_to(ROOT / package)
    return root


def add(file: Path, statement: str) -> None:
    """Write a statement beneath what is there."""
    file.write_text(f"{file.read_text('utf-8')}{statement}\n", "utf-8")
