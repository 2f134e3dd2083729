"""The guard of this directory: what would need a connection fails, and says why."""

from __future__ import annotations

import socket

import psycopg
import pytest

ADDRESS = ("127.0.0.1", 9)
URL = "postgresql://127.0.0.1:9/shop"

refused = pytest.raises(pytest.fail.Exception, match="connects to nothing")


def test_no_socket_is_connected() -> None:
    with socket.socket() as ours:
        with refused:
            ours.connect(ADDRESS)
        with refused:
            ours.connect_ex(ADDRESS)


def test_no_database_is_asked() -> None:
    with refused:
        psycopg.connect(URL)


@pytest.mark.anyio
async def test_no_database_is_asked_by_async_code_either() -> None:
    with refused:
        await psycopg.AsyncConnection[tuple[object, ...]].connect(URL)
