"""`course doctor`: what this machine has, what it lacks, and the command that fixes it.

Standard library only: it must speak where nothing else can be installed yet.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass

from shared import phases
from shared.course import bootstrap, ports

_GIB = 2**30
_NEEDED_DISK = 1.5
_LAST_PORT = 7
_RED, _GREEN, _YELLOW = 31, 32, 33
_BINARIES = {
    "Linux": {"x86_64", "aarch64"},
    "Darwin": {"x86_64", "arm64"},
}


@dataclass(frozen=True)
class Finding:
    """One line of the report; `fix` is the command or the way out, and absent where all is well."""

    name: str
    found: str
    fix: str | None = None
    needed: bool = False  # whether the course can't do without


def doctor() -> int:
    """Print every finding; return 1 if something is missing that the course can't do without."""
    findings = examine()
    for finding in findings:
        print(_line(finding))
    missing = [finding.name for finding in findings if finding.fix and finding.needed]
    print(f"\n{'Missing: ' + ', '.join(missing) if missing else 'All that is needed is here.'}")
    return 1 if missing else 0


def examine() -> list[Finding]:
    """Look at everything that the course builds on."""
    return [
        _python(),
        _venv(),
        _environment(),
        _tool("make", "make"),
        _tool("git", "git"),
        _disk(),
        *(_port(phases.FIRST_PORT + number) for number in range(_LAST_PORT + 1)),
        _binaries(),
        _docker(),
        _tool("node", "node" if _is_mac() else "nodejs npm", "only for the peer in `make bench`"),
        _tool("curl", "curl", "only for the requests that the lessons show"),
        _tool("wrk", "wrk", "only for `make bench`"),
    ]


def _python() -> Finding:
    return Finding("Python", f"{platform.python_version()}  {sys.executable}")


def _venv() -> Finding:
    problem = bootstrap.missing_for_venv()
    if problem is None:
        return Finding("venv", "the module is there")
    return Finding("venv", "missing", problem.splitlines()[-1].strip(), needed=True)


def _environment() -> Finding:
    if bootstrap.Environment().in_step():
        return Finding("environment", ".venv is in step with requirements.lock")
    return Finding("environment", "not built, or not from this lock", "the next command builds it")


def _tool(name: str, package: str, why: str = "") -> Finding:
    path = shutil.which(name)
    install = f"brew install {package}" if _is_mac() else f"sudo apt-get install {package}"
    reason = f"   ({why})" if why else ""
    return Finding(name, path or "missing", None if path else install + reason, needed=not why)


def _disk() -> Finding:
    free = shutil.disk_usage(phases.ROOT).free / _GIB
    fix = None if free >= _NEEDED_DISK else f"free {_NEEDED_DISK:.1f} GiB beside {phases.ROOT}"
    return Finding("disk", f"{free:.1f} GiB free", fix, needed=True)


def _port(port: int) -> Finding:
    if not ports.is_taken(port):
        return Finding(f"port {port}", "free")
    other = ports.free_port(phases.FIRST_PORT + _LAST_PORT)
    way_out = f"make phase{port - phases.FIRST_PORT} PORT={other}"
    return Finding(f"port {port}", f"taken by {ports.who_listens(port)}", way_out)


def _binaries() -> Finding:
    system, machine = platform.system(), platform.machine()
    if machine in _BINARIES.get(system, set()):
        return Finding("PostgreSQL", f"binaries for {system} {machine} come with .venv")
    fix = "INFRA=containers with Docker, or DATABASE_URL of a server of your own"
    return Finding("PostgreSQL", f"no binaries for {system} {machine}", fix)


def _docker() -> Finding:
    why = "   (only for INFRA=containers)"
    path = shutil.which("docker")
    if path is None:
        return Finding("Docker", "missing", f"https://docs.docker.com/engine/install/{why}")
    engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    if engine.startswith("/") and not os.access(engine, os.W_OK):
        fix = "sudo systemctl start docker && sudo usermod -aG docker $USER"
        return Finding("Docker", f"{path}, but no engine to talk to", fix + why)
    return Finding("Docker", path)


def _is_mac() -> bool:
    return platform.system() == "Darwin"


def _line(finding: Finding) -> str:
    word, colour = _verdict(finding)
    mark = f"\033[{colour}m{word:<9}\033[0m" if sys.stdout.isatty() else f"{word:<9}"
    fix = f"\n{'':23}-> {finding.fix}" if finding.fix else ""
    return f"  {mark}{finding.name:<12}{finding.found}{fix}"


def _verdict(finding: Finding) -> tuple[str, int]:
    if finding.fix is None:
        return "ok", _GREEN
    return ("missing", _RED) if finding.needed else ("note", _YELLOW)
