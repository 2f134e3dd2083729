"""Passwords: how they are kept and checked, and which may be chosen.

A password is kept as bcrypt(base64(HMAC-SHA256(pepper, password))). bcrypt is slow on purpose:
whoever steals the hashes can try but few guesses a second. Without the pepper, which is not in the
database, they can try none. The HMAC also makes 44 characters of any password, where bcrypt itself
takes no more than 72 bytes.
"""

import asyncio
import base64
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import bcrypt
from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from .errors import invalid_payload, overloaded

Answer = TypeVar("Answer")

# At cost 12 a thread checks about four passwords a second: the last in the queue waits five
# seconds. Whoever came after that would wait for a 503, so they get it at once.
WAITING_PER_THREAD = 20
# Seconds for a turn and the work. Less than SHUTDOWN_TIMEOUT's ten: a stop leaves time to answer.
PATIENCE = 8.0


class Passwords:
    """Hashes and verifies in a few threads; bcrypt lets the event loop go on meanwhile (no GIL).

    Each check takes a core for a quarter of a second. If everybody wants to log in at once, the
    threads are what bounds the cores that other requests have to do without, and the queue what
    bounds how long people wait in vain. Raises 503 where either has no more to give.
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


# ---------------------------------------------------------------- which may be chosen

# No rule asks for digits, capitals or signs: they make Password1! (ASVS 6.2.5).
MIN_LENGTH = 8  # characters
MAX_LENGTH = 1024

# The commonest ones of that length in known breaches (ASVS 6.2.4), commonest first, one a line:
# the beginning of the list that Django comes with.
COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines())

# What comes to mind with this service (ASVS 6.2.11).
OUR_WORDS = frozenset({"shop", "admin", "user"})


def refuse_weak(password: str, *, field: str, about: Iterable[str]) -> None:
    """Raise the 422 that says what is wrong with a new password; see `weaknesses`."""
    if found := weaknesses(password, about=about):
        raise invalid_payload({"field": field, "message": message} for message in found)


def weaknesses(password: str, *, about: Iterable[str]) -> list[str]:
    """Say why a password is among the first to be guessed; `about` is the person's name and e-mail.

    Its length is not judged here but by the type of the field, `NewPassword`.
    """
    found: list[str] = []
    if password.casefold() in COMMON:
        found.append("must not be one of the passwords that most people choose")
    if is_merely(password, OUR_WORDS.union(*map(words_in, about))):
        found.append("must not be only your name, your e-mail, words of this shop, and digits")
    return found


def is_merely(password: str, words: Iterable[str]) -> bool:
    """Tell whether a password is nothing but such words and a few digits: a year, a 1."""
    whole = bare(password)
    longest_first = sorted(words, key=len, reverse=True)
    rest = re.sub("|".join(map(re.escape, longest_first)), "", whole)
    return rest != whole and (not rest or (rest.isdecimal() and len(rest) < MIN_LENGTH))


def words_in(text: str) -> set[str]:
    """Take a name or an e-mail apart: all of it, what stands around the @, and each word."""
    parts = (text, *text.split("@"), *re.split(r"[\W_]+", text))
    return set(filter(None, map(bare, parts)))


def bare(text: str) -> str:
    """Leave of a text what a guess would be made of: letters and digits, no case, no accents.

    A text without any, such as 🦊🦊🦊, is left as it is.
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(filter(str.isalnum, folded)) or folded


# ---------------------------------------------------------------- fields


def encodable(value: object) -> object:
    r"""Refuse half a surrogate pair, for which JSON has a form ("\ud800") and UTF-8 has none."""
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise PydanticCustomError("surrogate", "must not contain half a character (U+D800-U+DFFF)")
    return value


PASSWORD: JsonDict = {"format": "password", "writeOnly": True}

# Kept out of a model's repr, and so of a log or a traceback that shows one.
NewPassword = Annotated[
    str,
    Field(min_length=MIN_LENGTH, max_length=MAX_LENGTH, repr=False, json_schema_extra=PASSWORD),
    BeforeValidator(encodable),
]
# Whatever was chosen, perhaps under other rules.
GivenPassword = Annotated[
    str,
    Field(min_length=1, max_length=MAX_LENGTH, repr=False, json_schema_extra=PASSWORD),
    BeforeValidator(encodable),
]
