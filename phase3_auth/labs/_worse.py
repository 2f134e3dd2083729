"""The service with passwords checked in a worse way: `python -m phase3_auth.labs._worse hasty`."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import bcrypt

from phase3_auth import __main__ as service
from phase3_auth import app
from phase3_auth.passwords import Passwords

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class Hasty(Passwords):
    """Answers as soon as it knows the answer, which is what anybody would write first."""

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Do what the hash asks for; where there is none, nothing."""
        if hashed is None:
            return False
        return await self._in_turn(partial(bcrypt.checkpw, self._key(password), hashed.encode()))


class Blocking(Passwords):
    """Works in the event loop, as everything does that is called without further thought."""

    async def _in_turn(self, work: Callable[[], Answer]) -> Answer:
        return work()


WAYS = {"hasty": Hasty, "blocking": Blocking}


if __name__ == "__main__":
    app.Passwords = WAYS[sys.argv[1]]
    service.main()
