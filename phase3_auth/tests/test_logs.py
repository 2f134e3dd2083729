"""The log is for whoever reads it; the service does its work even when nobody does any more."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from shared.infra.processes import reserved_port
from shared.phases import ROOT
from shared.witness import eventually

if TYPE_CHECKING:
    from shared.phases import Phase


def test_a_reader_of_the_log_who_leaves_takes_nothing_along(
    phase: Phase, database_url: str
) -> None:
    reservation, port = reserved_port()
    read, write = os.pipe()
    environment = {**os.environ, "DATABASE_URL": database_url, "PORT": str(port)}
    command = [sys.executable, "-m", phase.package]
    with reservation, subprocess.Popen(command, cwd=ROOT, env=environment, stderr=write) as process:
        os.close(write)
        try:
            eventually(lambda: is_ready(port))
            os.close(read)

            with socket.create_connection(("127.0.0.1", port), 10) as connection:
                connection.sendall(b"rubbish\r\n\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
            assert is_ready(port)

            process.send_signal(signal.SIGTERM)
            assert process.wait(15) == 0
        finally:
            process.kill()


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False
