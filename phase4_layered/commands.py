"""What the commands have in common: the same parts as the service, and more patience."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from . import dependencies
from .domain.clock import utc_now
from .domain.errors import ShopError
from .settings import Settings, from_environment

Answer = TypeVar("Answer")


def run(seconds: float, command: Callable[[dependencies.Services], Awaitable[Answer]]) -> Answer:
    """Run a command on the database that the environment names; a statement may take that long.

    A refusal that the command has no words of its own for is told in the shop's; then exit 1.
    """
    settings = from_environment().model_copy(update={"statement_timeout": seconds})
    try:
        return asyncio.run(on_the_outside(settings, command))
    except ShopError as refusal:
        sys.stderr.write(f"{refusal.detail}\n")
        sys.exit(1)


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
