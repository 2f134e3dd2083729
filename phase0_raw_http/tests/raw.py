"""A client that sends bytes as they are and shows what comes back as it is."""

import re
import select
import socket
from collections.abc import Iterable
from time import monotonic

from shared.servers import Server

PATIENCE = 10.0
"""Seconds after which a silent server counts as hanging; a sound one never takes so long."""

DRIP_SECONDS = 0.05


def connect(server: Server) -> socket.socket:
    """Open a connection."""
    return socket.create_connection((server.host, server.port), timeout=PATIENCE)


def listen(connection: socket.socket) -> bytes:
    """Return all that the server says until it closes the connection; a reset is an error."""
    said = bytearray()
    while data := connection.recv(65536):
        said += data
    return bytes(said)


def ask(server: Server, data: bytes) -> bytes:
    """Send `data`, which must make the server close the connection, and return what it says."""
    with connect(server) as connection:
        connection.sendall(data)
        return listen(connection)


def get(server: Server, path: str = "/") -> bytes:
    """Send a plain, healthy request on a connection of its own."""
    return ask(server, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())


def drip(connection: socket.socket, drops: Iterable[bytes]) -> int:
    """Send drop after drop until the server says something; return how many it took."""
    sent = 0
    for drop in drops:
        readable, _, _ = select.select([connection], [], [], DRIP_SECONDS)
        if readable:
            return sent
        connection.sendall(drop)
        sent += 1
    raise AssertionError(f"the server listened to {sent} drops without a word")


def statuses(answers: bytes) -> list[int]:
    """Return the statuses in a row of answers."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def is_closed(connection: socket.socket) -> bool:
    """Wait until the server closes the connection without a word; False if it speaks."""
    return connection.recv(1) == b""


def wait_for_log(server: Server, words: str) -> None:
    """Wait until the server has logged `words`."""
    deadline = monotonic() + PATIENCE
    while words not in server.log():
        assert monotonic() < deadline, f"the log never said {words!r}"
        select.select([], [], [], DRIP_SECONDS)
