"""`course do`: what a phase can do besides serving, on the database that it serves from."""

from __future__ import annotations

import os
import sys

import pytest

from shared import databases, development, infra
from shared.course import commands
from shared.course.errors import CourseError
from shared.phases import Phase, find_phase


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """Note what the command would have become, without a database that lasts."""
    noted: list[tuple[list[str], dict[str, str]]] = []

    def execve(_: str, command: list[str], environment: dict[str, str]) -> None:
        noted.append((command, environment))

    def ensure_database(_admin: str, name: str, *_: object, fresh: bool) -> str:
        assert not fresh
        return f"postgresql://{name}"

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr(os, "chdir", str)
    monkeypatch.setattr(infra, "postgres", lambda: "postgresql://admin")
    monkeypatch.setattr(databases, "ensure_database", ensure_database)
    return noted


def test_the_commands_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    commands.show(find_phase(2))
    commands.show(find_phase(1))

    said = capsys.readouterr().out
    assert "forget_keys\n  `python -m phase2_ecommerce.forget_keys`: delete" in said
    assert 'make run PHASE=2 DO="name and arguments"' in said
    assert "phase1_crud has no commands." in said


def test_a_command_runs_where_the_phase_is_served(
    became: list[tuple[list[str], dict[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(_: Phase) -> dict[str, str]:
        return {"PEPPER": "x", "ADMIN_EMAIL": "a@x.org", "ADMIN_PASSWORD": "admin's"}

    monkeypatch.setattr(development, "kept", kept)
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("ADMIN_PASSWORD", "next one's")

    commands.do(find_phase(2), "forget_keys", ["--all", "ada@example.com"])

    ((command, environment),) = became
    module = "phase2_ecommerce.forget_keys"
    assert command == [sys.executable, "-m", module, "--all", "ada@example.com"]
    assert environment["DATABASE_URL"] == "postgresql://phase2_ecommerce"
    assert (environment["PEPPER"], environment["LOG_LEVEL"]) == ("x", "DEBUG")
    told = (environment.get("ADMIN_EMAIL"), environment["ADMIN_PASSWORD"])
    assert told == (None, "next one's")


@pytest.mark.parametrize("name", ["orders", "__main__", "../phase1_crud", "forget_keys.py", ""])
def test_what_is_no_command_is_refused_with_those_that_are(
    name: str, became: list[tuple[list[str], dict[str, str]]]
) -> None:
    with pytest.raises(CourseError, match=r"There are: forget_keys\."):
        commands.do(find_phase(2), name, [])
    with pytest.raises(CourseError, match=r"There are: none\."):
        commands.do(find_phase(1), name, [])

    assert became == []
