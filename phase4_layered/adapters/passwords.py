"""Passwords: how they are kept and checked.

A password is kept as bcrypt(base64(HMAC-SHA256(pepper, password))). bcrypt is slow on purpose:
whoever steals the hashes can try but few guesses a second. Without the pepper, which is not in the
database, they can try none. The HMAC also makes 44 characters of any password, where bcrypt itself
takes no more than 72 bytes.
"""

import asyncio
import base64
import hmac
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import bcrypt

from ..domain.errors import overloaded

Answer = TypeVar("Answer")

# At cost 12 a thread checks about four passwords a second: the last in the queue waits five
# seconds. Whoever came after that would wait in vain, so they are told so at once.
WAITING_PER_THREAD = 20
# Seconds for a turn and the work. Less than SHUTDOWN_TIMEOUT's ten: a stop leaves time to answer.
PATIENCE = 8.0


class Passwords:
    """Hashes and verifies in a few threads; bcrypt lets the event loop go on meanwhile (no GIL).

    Each check takes a core for a quarter of a second. If everybody wants to log in at once, the
    threads are what bounds the cores that other requests have to do without, and the queue what
    bounds how long people wait in vain. Raises Unavailable where either has no more to give.
    """

    def __init__(self, pepper: str, cost: int, threads: int) -> None:
        self._pepper = pepper.encode()
        self._cost = cost
        # A salt, and a digest that no password has.
        self._hash_of_nobody = bcrypt.gensalt(cost).decode() + "." * 31
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="bcrypt")
        self._most_unfinished = threads * (1 + WAITING_PER_THREAD)
        self._unfinished: set[Future[Any]] = set()

    async def hash(self, password: str) -> str:
        """Make what is kept of a password: 60 characters that begin with $2b$ and the cost."""
        return await self._in_turn(partial(hash_key, self._key(password), self._cost))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether this is the password; where there is none (None), find out as slowly.

        Raises ValueError if the hash is not one of ours.
        """
        known = self._hash_of_nobody if hashed is None else hashed
        cost_of(known)  # raises here, and not in a thread
        fits = await self._in_turn(partial(check_key, self._key(password), known, self._cost))
        return fits and hashed is not None

    def needs_rehash(self, hashed: str) -> bool:
        """Tell whether a hash was made at another cost; only who has the password can change it.

        Raises ValueError if the hash is not one of ours.
        """
        return cost_of(hashed) != self._cost

    def close(self) -> None:
        """Stop without waiting: what is queued is dropped, and what has begun ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _key(self, password: str) -> bytes:
        # Exactly as it was received: not trimmed, normalised or cut (ASVS 6.2.8). In base64,
        # because to bcrypt some keys that hold zero bytes are the same.
        return base64.b64encode(hmac.digest(self._pepper, password.encode(), "sha256"))

    async def _in_turn(self, work: Callable[[], Answer]) -> Answer:
        if len(self._unfinished) >= self._most_unfinished:
            raise overloaded("Too many passwords are waiting to be checked.")
        future = self._threads.submit(work)
        self._unfinished.add(future)
        # Whoever stops waiting cancels the future, and the threads pass over it. Work that has
        # begun can't be stopped: it counts as unfinished until it is done.
        future.add_done_callback(self._unfinished.discard)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.wrap_future(future)
        except TimeoutError as error:
            raise overloaded("Checking passwords took too long.") from error


# ---------------------------------------------------------------- bcrypt, in a thread

HASH = re.compile(r"\$2b\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


def hash_key(key: bytes, cost: int) -> str:
    """Hash with a new salt; takes 2^cost rounds."""
    return bcrypt.hashpw(key, bcrypt.gensalt(cost)).decode()


def check_key(key: bytes, hashed: str, cost: int) -> bool:
    """Check, in 2^cost rounds even if the hash was made at a lower cost c.

    In the 2^c rounds which that takes, an account would be told from an unknown e-mail by the
    time. What is missing is worked off: 2^c + (2^c + 2^(c+1) + … + 2^(cost-1)) = 2^cost.
    """
    fits = bcrypt.checkpw(key, hashed.encode())
    for each in range(cost_of(hashed), cost):
        hash_key(key, each)
    return fits


def cost_of(hashed: str) -> int:
    """Read the cost; raises ValueError for what we never made, where bcrypt may say "wrong"."""
    if not (match := HASH.fullmatch(hashed)):
        raise ValueError("a stored password hash is malformed")  # and is not shown: it goes to logs
    return int(match[1])
