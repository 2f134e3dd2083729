"""What a service is given besides its database: secrets, an OpenID provider, a first admin."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from shared import development, infra, openid
from shared.development import Unprepared
from shared.infra.state import State
from shared.phases import Phase, all_phases, find_phase

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

DECLARED = """\
# What it needs.

KEYS=dev-1:${secret}
PEPPER=${secret}
ISSUER=${openid_provider}
PROXIES=127.0.0.1,::1
  ADMIN_EMAIL=ada=me@example.com
PRICE=$$5
EMPTY=
"""

MAKE_ADMIN = """
import os, sys
with open("made", "a") as made:
    made.write(f"{sys.argv[1:]} {os.environ['PEPPER']} {sys.stdin.read()!r}\\n")
if os.environ["PEPPER"] == "wrong":
    print("No such pepper.")
    sys.exit(3)
"""


@dataclass
class Provider:
    """Stands in for an OpenID provider."""

    issuer: str = "http://127.0.0.1:9400"


@pytest.fixture
def phase(tmp_path: Path) -> Phase:
    """Make a checkout with one phase that needs all there is."""
    folder = tmp_path / "phase9_guarded"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "development.env").write_text(DECLARED)
    return find_phase(9, tmp_path)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[State]:
    """Keep secrets where they are gone afterwards."""
    state = State(tmp_path)
    monkeypatch.setattr(development, "State", lambda: state)
    yield state
    infra.remove(state)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what becomes of the OpenID provider."""
    noted: list[str] = []

    @contextmanager
    def provider() -> Generator[Provider]:
        noted.append("started")
        yield Provider()
        noted.append("stopped")

    monkeypatch.setattr(openid, "provider", provider)
    return noted


def test_a_phase_without_the_file_is_given_nothing() -> None:
    for phase in all_phases()[:3]:
        with development.running(phase) as environment:
            assert environment == development.kept(phase) == development.fresh(phase) == {}


def test_each_secret_is_the_variables_own_and_new_each_time(phase: Phase) -> None:
    one, other = development.fresh(phase), development.fresh(phase)

    secrets = {
        one["PEPPER"],
        other["PEPPER"],
        *(each["KEYS"].removeprefix("dev-1:") for each in (one, other)),
    }
    assert len(secrets) == 4
    assert all(len(secret) >= 32 for secret in secrets)
    assert one | {"KEYS": "", "PEPPER": ""} == {
        "KEYS": "",
        "PEPPER": "",
        "PROXIES": "127.0.0.1,::1",
        "ADMIN_EMAIL": "ada=me@example.com",
        "PRICE": "$5",
        "EMPTY": "",
    }


def test_what_is_kept_is_the_same_in_each_run_and_for_our_eyes_only(
    phase: Phase, state: State
) -> None:
    one, other = development.kept(phase), development.kept(phase)

    assert one == other
    assert one["PEPPER"] not in {one["KEYS"], development.fresh(phase)["PEPPER"]}
    files = list(state.home.glob("phase9_guarded.*"))
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_a_person_has_set_goes_before_what_is_kept_but_decides_no_test(
    phase: Phase, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not state.home.exists()
    monkeypatch.setenv("PEPPER", "my own")
    monkeypatch.setenv("EMPTY", "not at all")
    monkeypatch.setenv("PROXIES", "")

    kept, fresh = development.kept(phase), development.fresh(phase)

    assert (kept["PEPPER"], kept["EMPTY"], kept["PROXIES"]) == ("my own", "not at all", "")
    assert "my own" not in fresh.values()
    assert fresh["EMPTY"] == ""


def test_a_provider_runs_as_long_as_the_service(
    phase: Phase, state: State, started: list[str]
) -> None:
    with development.running(phase) as environment:
        assert environment["ISSUER"] == Provider().issuer
        assert started == ["started"]

    assert started == ["started", "stopped"]
    assert environment | {"ISSUER": ""} == development.kept(phase) | {"ISSUER": ""}
    assert state.home.exists()


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("issuer", ["https://accounts.example.com", ""])
def test_a_provider_of_ones_own_needs_no_other(
    phase: Phase, issuer: str, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUER", issuer)

    with development.running(phase) as environment:
        assert environment["ISSUER"] == issuer

    assert started == []


@pytest.mark.parametrize("line", ["KEYS", "=x", "KEYS=${secrets}", "KEYS=5$", "KEYS=${SECRET}"])
def test_a_line_that_says_nothing_is_refused_by_its_number(phase: Phase, line: str) -> None:
    (phase.path / "development.env").write_text(f"# first\n{line}\n")

    with pytest.raises(Unprepared, match=r"phase9_guarded/development.env:2: ") as refused:
        development.fresh(phase)

    assert line in str(refused.value)


def test_a_phase_that_makes_no_admin_is_left_alone(phase: Phase) -> None:
    development.make_admin(phase, {})

    assert not phase.makes_admin


def test_the_first_admin_is_made_in_the_services_environment(phase: Phase, tmp_path: Path) -> None:
    (phase.path / "make_admin.py").write_text(MAKE_ADMIN)
    environment = {**os.environ, **development.fresh(phase)}

    development.make_admin(phase, environment, tmp_path)
    with pytest.raises(
        Unprepared, match=r"make_admin ada=me@example.com .* code 3.*\nNo such pepper"
    ) as refused:
        development.make_admin(phase, environment | {"PEPPER": "wrong"}, tmp_path)

    first, _ = (tmp_path / "made").read_text().splitlines()
    assert first == f"['ada=me@example.com'] {environment['PEPPER']} ''"
    assert "wrong" not in str(refused.value)
