"""What the commands have in common: trouble is told in a sentence, and by the exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.infra.processes import free_port
from shared.phases import ROOT
from shared.servers import inherited

COMMANDS = [["forget_keys"], ["forget_sessions"], ["make_admin", "ada@example.com"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_database_that_is_away_is_told_in_a_sentence(
    command: list[str], environment: dict[str, str]
) -> None:
    nobody = f"postgresql://postgres@127.0.0.1:{free_port()}/none"
    name, *arguments = command

    ended = subprocess.run(
        [sys.executable, "-m", f"phase4_layered.{name}", *arguments],
        cwd=ROOT,
        env={**inherited(), **environment, "DATABASE_URL": nobody, "POOL_TIMEOUT": "0.3"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.endswith("The database cannot be reached. Try again.\n")
    assert "Traceback" not in ended.stderr
