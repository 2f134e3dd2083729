"""What users, posts and list options must look like; REST and RPC ask the same questions."""

import re
from collections.abc import Callable, Collection, Mapping

from .errors import FieldError

Check = Callable[[object], str | None]
"""Looks at one value and says what would be right, or None if it is."""

HIGHEST_ID = 2**63 - 1
EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@.\s\x00-\x1f\x7f]+(\.[^@.\s\x00-\x1f\x7f]+)+")
LONGEST_EMAIL = 254
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # NUL, and halves of a character


def text(shortest: int, longest: int, *, blank: bool = False) -> Check:
    """Ask for a text of so many characters."""
    wanted = f"must be a text of {shortest} to {longest} characters"

    def check(value: object) -> str | None:
        if not isinstance(value, str) or not shortest <= len(value) <= longest:
            return wanted
        if UNSTORABLE.search(value):
            return "must not contain NUL or half of a character"
        return None if blank or value.strip() else "must not be blank"

    return check


def integer(lowest: int, highest: int) -> Check:
    """Ask for a whole number. To Python `True` is one as well, to JSON it is not."""

    def check(value: object) -> str | None:
        if type(value) is int and lowest <= value <= highest:
            return None
        return f"must be a whole number from {lowest} to {highest}"

    return check


def one_of(*choices: str) -> Check:
    """Ask for one of a few words."""
    return lambda value: None if value in choices else f"must be one of {', '.join(choices)}"


def email(value: object) -> str | None:
    """Ask for something that a mail could be sent to; only sending one can tell more."""
    wrong = text(1, LONGEST_EMAIL)(value)
    if not wrong and not EMAIL.fullmatch(str(value)):
        return "must look like name@example.com"
    return wrong


def sorting(*names: str) -> Check:
    """Ask for a field to sort by, upwards or with a minus sign downwards."""
    return one_of(*names, *(f"-{name}" for name in names))


ID = integer(1, HIGHEST_ID)
USER = {"name": text(1, 100), "email": email}
POST = {"user_id": ID, "title": text(1, 200), "body": text(0, 10_000, blank=True)}
PAGE = {"limit": integer(1, 100), "offset": integer(0, 1_000_000)}
USER_LIST = {
    "name": text(1, 100, blank=True),
    "email": text(1, LONGEST_EMAIL, blank=True),
    "sort": sorting("id", "name", "email"),
    **PAGE,
}
POST_LIST = {
    "user_id": ID,
    "title": text(1, 200, blank=True),
    "sort": sorting("id", "title", "user_id"),
    **PAGE,
}


def find_errors(
    values: Mapping[str, object], checks: Mapping[str, Check], required: Collection[str] = ()
) -> list[FieldError]:
    """Return everything that is wrong with `values`: unknown, missing, and not as it should be."""
    messages = {name: "is unknown" for name in values if name not in checks}
    messages |= {name: "is required" for name in required if name not in values}
    for name in checks.keys() & values.keys():
        if wrong := checks[name](values[name]):
            messages[name] = wrong
    return [{"field": name, "message": message} for name, message in sorted(messages.items())]
