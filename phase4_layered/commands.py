"""What the commands have in common: the same parts as the service, and more patience."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from . import dependencies
from .domain.clock import utc_now
from .settings import Settings, from_environment

Answer = TypeVar("Answer")


def run(seconds: float, command: Callable[[dependencies.Services], Awaitable[Answer]]) -> Answer:
    """Run a command on the database that the environment names; a statement may take that long."""
    settings = from_environment().model_copy(update={"statement_timeout": seconds})
    return asyncio.run(on_the_outside(settings, command))


async def on_the_outside(
    settings: Settings, command: Callable[[dependencies.Services], Awaitable[Answer]]
) -> Answer:
    """Open what the command needs, and close it again."""
    outside = dependencies.outside(settings, utc_now)
    await outside.open()
    try:
        ports = dependencies.ports(settings, outside, utc_now)
        return await command(dependencies.services(ports))
    finally:
        await outside.close()
