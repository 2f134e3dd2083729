"""Text as PostgreSQL's C.UTF-8 has it: a letter of another case is one letter, whatever it is."""

from __future__ import annotations


def lower(text: str) -> str:
    """Write in lower case, letter by letter; Python would make two of U+0130."""
    return "".join(letter.lower()[0] for letter in text)


def upper(text: str) -> str:
    """Write in upper case, letter by letter; Python would make SS of one that has no upper case."""
    return "".join(letter.upper() if len(letter.upper()) == 1 else letter for letter in text)


def contains(text: str, part: str | None) -> bool:
    """Tell whether a part is in a text, in whatever case (ILIKE); every text contains nothing."""
    return part is None or lower(part) in lower(text)
