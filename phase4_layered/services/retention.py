"""Forgetting what is over, so that tables do not grow for ever."""

from collections.abc import Awaitable, Callable

from .ports import Clock, UnitOfWork, Work

KEPT = "24 hours"
AT_ONCE = 5000

# What expires, in the words in which a command tells of it.
EXPIRING = ("sessions", "refresh tokens", "denials", "unfinished logins")


class RetentionService:
    """Forgets; as many as you like may do so at once."""

    def __init__(self, work: Work, clock: Clock) -> None:
        self._work = work
        self._clock = clock

    async def forget_keys(self) -> int:
        """Forget idempotency keys that nobody will send again; returns how many."""
        return await self._all_of(lambda work: work.retention.forget_keys(KEPT, AT_ONCE))

    async def forget_expired(self) -> dict[str, int]:
        """Forget all that has expired; returns how many of each kind."""
        now = self._clock()
        return {
            what: await self._all_of(
                lambda work, what=what: work.retention.forget_expired(what, now, AT_ONCE)
            )
            for what in EXPIRING
        }

    async def _all_of(self, some: Callable[[UnitOfWork], Awaitable[int]]) -> int:
        """Forget in small parts: none holds its locks, or the clean-up behind it, for long.

        Each is a unit of work of its own: what is lent for one is not lent for an hour.
        """
        total = 0
        while True:
            async with self._work() as work:
                forgotten = await some(work)
            if not forgotten:
                return total
            total += forgotten
