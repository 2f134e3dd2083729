"""What is over and may be forgotten, in memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from .sessions import remove_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from .store import Store, Tables

Key = TypeVar("Key")


class InMemoryRetention:
    """Forgets the oldest first, and no more than it is told to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def forget_keys(self, kept: str, at_once: int) -> int:
        """Forget up to so many idempotency keys older than "24 hours", and return how many."""
        keys = self._store.tables.keys
        since = self._store.clock() - interval(kept)
        made = {key: row.created_at for key, row in keys.items() if row.created_at < since}
        return forget(oldest(made, at_once), keys.pop)

    async def forget_expired(self, what: str, now: datetime, at_once: int) -> int:
        """Forget up to so many of what has expired of one kind, and return how many."""
        return EXPIRED[what](self._store.tables, now, at_once)


def forget_sessions(tables: Tables, now: datetime, at_once: int) -> int:
    """Forget sessions, and their refresh tokens with them."""
    times = {each: row.expires_at for each, row in tables.sessions.items()}
    over = oldest(up_to(times, now), at_once)
    remove_sessions(tables, over)
    return len(over)


def forget_refresh_tokens(tables: Tables, now: datetime, at_once: int) -> int:
    """Forget refresh tokens; those that were given for them stay."""
    times = {each: row.expires_at for each, row in tables.refresh_tokens.items()}
    return forget(oldest(up_to(times, now), at_once), tables.refresh_tokens.pop)


def forget_denials(tables: Tables, now: datetime, at_once: int) -> int:
    """Forget that tokens were denied, which have expired by now."""
    return forget(oldest(up_to(tables.revoked_tokens, now), at_once), tables.revoked_tokens.pop)


def forget_logins(tables: Tables, now: datetime, at_once: int) -> int:
    """Forget logins that were given up."""
    times = {each: expires_at for each, (_, expires_at) in tables.oauth_logins.items()}
    return forget(oldest(up_to(times, now), at_once), tables.oauth_logins.pop)


EXPIRED: dict[str, Callable[[Tables, datetime, int], int]] = {
    "sessions": forget_sessions,
    "refresh tokens": forget_refresh_tokens,
    "denials": forget_denials,
    "unfinished logins": forget_logins,
}


def up_to(times: Mapping[Key, datetime], now: datetime) -> dict[Key, datetime]:
    """Leave of these times those that have come."""
    return {key: time for key, time in times.items() if time <= now}


def oldest(times: Mapping[Key, datetime], at_once: int) -> list[Key]:
    """Find up to so many, the oldest first."""
    return sorted(times, key=lambda key: times[key])[:at_once]


def forget(keys: list[Key], pop: Callable[[Key], object]) -> int:
    """Forget each of them; returns how many there were."""
    for key in keys:
        pop(key)
    return len(keys)


def interval(text: str) -> timedelta:
    """Read as much of PostgreSQL's intervals as is used: "24 hours"."""
    number, unit = text.split()
    return timedelta(**{unit: int(number)})
