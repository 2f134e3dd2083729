"""One measurement: so many seconds of load on one contender, and who spent which processor time."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
from psycopg.conninfo import conninfo_to_dict

from shared.infra.embedded_postgres import installed_binaries

from .plan import HERE

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from shared.servers import Server

    from .plan import Request

CONNECTIONS = 32
_GRACE = 30.0
_AS_THE_SERVICES_ASK = "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_memoize=off"


class BenchError(Exception):
    """There is nothing to report; the message says why, and what would help."""


@dataclass(slots=True)
class Cores:
    """Processor time per second of the measurement: 1.0 is one core, busy all along."""

    server: float = 0.0
    postgres: float = 0.0
    generator: float = 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one measurement found; latencies in milliseconds, None where they aren't measured."""

    rate: float
    p50: float | None
    p99: float | None
    cores: Cores = field(default_factory=Cores)


def load(server: Server, request: Request, seconds: float, tokens: Sequence[str] = ()) -> Sample:
    """Ask a server for as much as it can give, over 32 connections, with one of the tokens each."""
    command = [_wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "5s"]
    script = ["-s", str(HERE / "wrk.lua"), server.url, "--", request.path, request.body]
    with _accounted(server.process.pid) as cores:
        output = _run([*command, *script, *tokens], seconds)
    found = json.loads(output.splitlines()[-1])
    if found["refused"] or found["broken"] or not found["requests"]:
        raise BenchError(
            f"{request.name}: of {found['requests']} requests {found['refused']} got an error and "
            f"{found['broken']} no answer at all. Its log:\n{server.log()[-2000:]}"
        )
    return Sample(found["requests"] / found["seconds"], found["p50"], found["p99"], cores)


def limit(database_url: str, folder: Path, request: Request, seconds: float) -> Sample:
    """Run the same SQL with pgbench: what PostgreSQL can give when nobody stands before it."""
    parts = conninfo_to_dict(database_url)
    command = [str(installed_binaries() / "bin" / "pgbench"), "--no-vacuum", "-M", "prepared"]
    command += [f"-c{CONNECTIONS}", "-j1", f"-T{max(1, round(seconds))}"]
    command += ["-f", str(folder / request.script)]
    command += [f"-D{variable}" for variable in request.variables]
    command += ["-h", str(parts["host"]), "-p", str(parts["port"]), "-U", str(parts["user"])]
    environment = {**os.environ, "PGPASSWORD": str(parts.get("password") or "")}
    environment["PGOPTIONS"] = _AS_THE_SERVICES_ASK
    with _accounted(None) as cores:
        output = _run([*command, str(parts["dbname"])], seconds, environment)
    rate = re.search(r"tps = ([\d.]+)", output)
    if rate is None:
        raise BenchError(f"pgbench reported no rate:\n{output}")
    return Sample(float(rate[1]), None, None, cores)


@contextmanager
def _accounted(server: int | None) -> Generator[Cores]:
    """Fill in the processor time that server, PostgreSQL and generator take in the meantime."""
    cores = Cores()
    began, before = time.monotonic(), _spent(server)
    yield cores
    seconds, after = time.monotonic() - began, _spent(server)
    cores.server, cores.postgres, cores.generator = (
        (later - earlier) / seconds for earlier, later in zip(before, after, strict=True)
    )


def _spent(server: int | None) -> tuple[float, float, float]:
    """Return seconds of processor time so far: the server's, PostgreSQL's, our children's."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    postgres = [process for process in psutil.process_iter(["name"]) if _is_postgres(process)]
    return (
        _seconds(psutil.Process(server)) if server else 0.0,
        sum(map(_seconds, postgres)),
        own.ru_utime + own.ru_stime,
    )


def _is_postgres(process: psutil.Process) -> bool:
    return process.info["name"] == "postgres"  # pyright: ignore[reportUnknownMemberType] - untyped


def _seconds(process: psutil.Process) -> float:
    """Count a process and its children that have ended: a backend ends with its client."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def _wrk() -> str:
    if found := shutil.which("wrk"):
        return found
    raise BenchError("The load generator wrk is missing. Debian: apt-get install wrk")


def _run(command: list[str], seconds: float, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds + _GRACE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{command[0]} didn't end {_GRACE:.0f} s after its time.") from None
    if done.returncode:
        raise BenchError(f"{command[0]} failed:\n{done.stderr or done.stdout}")
    return done.stdout
