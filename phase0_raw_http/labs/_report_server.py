"""A tiny server on one event loop, whose report takes half a second in one of four ways."""

from __future__ import annotations

import asyncio
import os
import signal
import time

SECONDS = 0.5
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def report_by_blocking() -> None:
    """Wait without telling the loop: it cannot do anything else meanwhile."""
    time.sleep(SECONDS)  # noqa: ASYNC251 - the mistake that this experiment is about


async def report_by_awaiting() -> None:
    """Wait and let the loop go on; possible when the slow thing has an asynchronous client."""
    await asyncio.sleep(SECONDS)


async def report_in_a_thread() -> None:
    """Block a thread of its own instead of the loop."""
    await asyncio.to_thread(time.sleep, SECONDS)


async def report_by_computing_in_a_thread() -> None:
    """Compute in a thread of its own, which shares one interpreter lock with the loop."""
    await asyncio.to_thread(compute)


def compute() -> None:
    """Keep the processor busy with Python code."""
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        sum(range(1000))


REPORTS = {
    b"/blocking": report_by_blocking,
    b"/awaiting": report_by_awaiting,
    b"/thread": report_in_a_thread,
    b"/computing": report_by_computing_in_a_thread,
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read one request, do its work if it asks for a report, say ok and close."""
    head = await reader.readuntil(b"\r\n\r\n")
    if report := REPORTS.get(head.split()[1]):
        await report()
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def main() -> None:
    """Serve until told to stop."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    async with await asyncio.start_server(answer, "127.0.0.1", int(os.environ["PORT"])):
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
