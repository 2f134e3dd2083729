"""Which passwords may be chosen."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from .errors import invalid_payload

# No rule asks for digits, capitals or signs: they make Password1! (ASVS 6.2.5).
MIN_LENGTH = 8  # characters
MAX_LENGTH = 1024

# The commonest ones of that length in known breaches (ASVS 6.2.4), commonest first, one a line:
# the beginning of the list that Django comes with.
COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text("utf-8").splitlines())

# What comes to mind with this service (ASVS 6.2.11).
OUR_WORDS = frozenset({"shop", "admin", "user"})


def refuse_weak(password: str, *, field: str, about: Iterable[str]) -> None:
    """Say what is wrong with a new password; see `weaknesses`."""
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
