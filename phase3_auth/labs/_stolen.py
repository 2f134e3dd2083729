"""A database that was stolen: how passwords can be kept in it, and how an attacker finds them.

The database is of our own making. The attacker has what stands in it, the list of the commonest
passwords, one core, and a few seconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import bcrypt

from phase3_auth import passwords

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON = Path(passwords.__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines()
"""Commonest first; the service refuses each of them."""

PEPPER = secrets.token_urlsafe(32)

Hash = Callable[[str, bytes], bytes]
"""Makes of a password and a salt what is kept."""


class Kept(NamedTuple):
    """What stands in the database for one account."""

    salt: bytes
    hashed: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """A way to keep passwords, and what an attacker can do with what he has stolen."""

    salt: Callable[[], bytes]
    hash: Hash
    tries: Hash
    """The attacker's idea of `hash`: the same, unless he lacks something."""

    def keep(self, password: str) -> Kept:
        """Keep a password."""
        salt = self.salt()
        return Kept(salt, self.hash(password, salt))


@dataclass(slots=True)
class Loot:
    """What the attacker has found out, and what it took."""

    found: dict[str, float] = field(default_factory=dict[str, float])
    """Whose password, and after how many seconds."""
    hashes: int = 0
    seconds: float = 0.0
    to_do: int = 0
    """Hashes until the end of the list, as it looks when the time is up."""

    @property
    def rest(self) -> float:
        """Seconds until the end of the list."""
        return self.to_do * self.seconds / self.hashes


def attack(stolen: Mapping[str, Kept], tries: Hash, seconds: float) -> Loot:
    """Try the commonest password on all accounts, then the next, until the time is up.

    Accounts with the same salt, or all if there is none, cost one hash together. The time is that
    of the core: what it does for others meanwhile doesn't count.
    """
    loot, began = Loot(), time.thread_time()
    groups: dict[bytes, dict[bytes, list[str]]] = {}
    for who, kept in stolen.items():
        groups.setdefault(kept.salt, {}).setdefault(kept.hashed, []).append(who)
    for place, guess in enumerate(COMMON):
        for salt, accounts in list(groups.items()):
            found = accounts.pop(tries(guess, salt), [])
            loot.hashes += 1
            loot.seconds = time.thread_time() - began
            loot.found |= dict.fromkeys(found, loot.seconds)
            if not accounts:
                del groups[salt]
            if loot.seconds >= seconds:
                loot.to_do = (len(COMMON) - place - 1) * len(groups)
                return loot
    return loot


# ---------------------------------------------------------------- how they are kept


def no_salt() -> bytes:
    """Do without."""
    return b""


def sha256(password: str, salt: bytes) -> bytes:
    """Hash as files are hashed: as fast as can be."""
    return hashlib.sha256(salt + password.encode()).digest()


def with_bcrypt(password: str, salt: bytes) -> bytes:
    """Hash slowly, without a pepper; of these passwords none is longer than its 72 bytes."""
    return bcrypt.hashpw(password.encode(), salt)


def as_we_do(password: str, salt: bytes) -> bytes:
    """Hash as passwords.py does."""
    key = hmac.digest(PEPPER.encode(), password.encode(), "sha256")
    return bcrypt.hashpw(base64.b64encode(key), salt)


def ways(cheap: int, cost: int) -> dict[str, Way]:
    """List ways to keep passwords, from the worst on; bcrypt at two costs."""

    def salt() -> bytes:
        return bcrypt.gensalt(cost)

    return {
        "SHA-256": Way(no_salt, sha256, sha256),
        "SHA-256 with a salt": Way(lambda: secrets.token_bytes(16), sha256, sha256),
        f"bcrypt, cost {cheap}": Way(lambda: bcrypt.gensalt(cheap), with_bcrypt, with_bcrypt),
        f"bcrypt, cost {cost}": Way(salt, with_bcrypt, with_bcrypt),
        f"bcrypt, cost {cost}, pepper": Way(salt, as_we_do, with_bcrypt),
        "the same, pepper stolen, too": Way(salt, as_we_do, as_we_do),
    }
