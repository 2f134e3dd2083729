"""Settings: a bad one is refused by its name before the service listens."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from shared.phases import ROOT


def refusal(**environment: str) -> tuple[int, str]:
    """Start the service with these variables; returns exit code and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "phase3_auth"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_the_database_has_to_be_named() -> None:
    code, said = refusal()

    assert code == 2
    assert said == "DATABASE_URL: must be set\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "mysql://root:hunter2@127.0.0.1/shop"),
        ("DATABASE_URL", "postgresql://me:secret@hunter2@127.0.0.1/db"),
        ("DATABASE_URL", "postgresql://me:secret@127.0.0.1:http/db"),
        ("DATABASE_URL", "   "),
        ("HOST", ""),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("LOG_LEVEL", "LOUD"),
        ("POOL_MAX_SIZE", "0"),
        ("POOL_MAX_SIZE", "1"),  # fewer than POOL_MIN_SIZE
        ("POOL_TIMEOUT", "0"),
        ("STATEMENT_TIMEOUT", "0.0001"),  # PostgreSQL would take it for 0: without end
        ("STATEMENT_TIMEOUT", "soon"),
        ("MAX_BODY_BYTES", "-1"),
    ],
)
def test_a_bad_value_is_refused_by_name_and_without_its_secrets(name: str, value: str) -> None:
    good = {"DATABASE_URL": "postgresql://course:secret@127.0.0.1/db"}

    code, said = refusal(**{**good, name: value})

    assert code == 2
    assert said.startswith(f"{name}: ")
    assert "hunter2" not in said
    assert "secret" not in said
    assert "Traceback" not in said
