"""Whether requests can be served."""

from .ports import Work


class HealthService:
    """Knows what serving takes."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def check(self) -> None:
        """Raise Unavailable unless everything that is needed is there."""
        async with self._work() as work:
            await work.check()
