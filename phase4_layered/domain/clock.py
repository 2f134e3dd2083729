"""What time it is, asked of one place, so that a test can let fourteen days pass at once."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the present instant, with its zone."""


def utc_now() -> datetime:
    """Ask the machine."""
    return datetime.now(UTC)
