"""`course test`: pytest over the suites, two workers, backing services started before them."""

from __future__ import annotations

import os
import sys

from shared.phases import ROOT, Phase, all_phases, find_phase

_DEFAULTS = ("-n", "2", "--dist", "loadfile", "--durations", "10")


def test(arguments: list[str]) -> None:
    """Become pytest; the first argument may be a phase, the others are pytest's own."""
    chosen, own = split(arguments)
    if any(phase.needs_postgres for phase in (chosen or all_phases())):
        _start_postgres()
    os.chdir(ROOT)
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", *_DEFAULTS, *own, *folders(chosen, own)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell wanted


def split(arguments: list[str]) -> tuple[tuple[Phase, ...], list[str]]:
    """Part the phase that is asked for from pytest's arguments; none means all there is."""
    if not arguments or arguments[0].startswith("-") or "/" in arguments[0]:
        return (), arguments
    return (find_phase(arguments[0]),), arguments[1:]


def folders(chosen: tuple[Phase, ...], own: list[str]) -> list[str]:
    """Name the folders of the suites, unless the arguments name files themselves."""
    if any((ROOT / argument.partition("::")[0]).exists() for argument in own):
        return []
    kit = () if chosen else (ROOT / "shared" / "tests",)
    suites = [*kit, *(phase.path / "tests" for phase in (chosen or all_phases()))]
    return [str(suite.relative_to(ROOT)) for suite in suites if suite.is_dir()]


def _start_postgres() -> None:
    """Start it once here, so that the workers find it and don't queue for it."""
    from rich.console import Console  # noqa: PLC0415 - phase 0 is tested without them

    from shared import infra  # noqa: PLC0415

    with Console().status("Seeing to PostgreSQL"):
        infra.postgres()
