"""Every way in which the shop says no; what becomes of it is for whoever asked to decide.

The controllers make an HTTP status of it, a command prints it and ends.
"""

from collections.abc import Iterable
from typing import TypedDict

from .limits import Allowance


class FieldError(TypedDict):
    """What is wrong with one field of what was given."""

    field: str
    message: str


class ShopError(Exception):
    """A refusal; `code` is for programs and stable, `detail` is for people."""

    errors: tuple[FieldError, ...] = ()
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""

    def __init__(self, code: str, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.members = members  # what else there is to tell, for this kind of refusal


class NotFound(ShopError):
    """There is no such thing, or none that may be shown."""


class Unauthenticated(ShopError):
    """Nobody we know is asking."""


class InvalidToken(Unauthenticated):
    """An access token was shown, and is no good."""


class Forbidden(ShopError):
    """We know who is asking, and this is not for them."""


class Conflict(ShopError):
    """What is asked for is at odds with what there is."""


class KeyReused(ShopError):
    """An idempotency key was used for something else."""


class Invalid(ShopError):
    """Fields make no sense."""

    def __init__(self, code: str, detail: str, errors: Iterable[FieldError]) -> None:
        super().__init__(code, detail)
        self.errors = tuple(errors)


class InvalidQuestion(Invalid):
    """What makes no sense is which things were asked for, and nothing was to be done."""


class RateLimited(ShopError):
    """Too often."""

    def __init__(self, left: Allowance) -> None:
        super().__init__("rate_limited", f"Too many attempts. Try again in {left.reset} s.")
        self.left = left
        self.retry_after = max(1, left.reset)


class Unavailable(ShopError):
    """Something that is needed is away or too busy; a later attempt may succeed."""

    def __init__(self, code: str, detail: str, retry_after: int) -> None:
        super().__init__(code, detail)
        self.retry_after = retry_after


class TryAgain(Unavailable):
    """All of it may be tried again from its beginning: somebody else was in the way.

    Raised by what keeps things, when it had to end a transaction (a deadlock), and by a transaction
    that found out that it looked a moment too early.
    """

    def __init__(self) -> None:
        detail = "Another request stood in the way of this one. Try again."
        super().__init__("overloaded", detail, retry_after=1)


# ---------------------------------------------------------------- those that many raise


def not_found(resource: str, given: object) -> NotFound:
    """Say that there is no resource ("user") with this id."""
    return NotFound(f"{resource}_not_found", f"There is no {resource} with the id {given}.")


def invalid_payload(errors: Iterable[FieldError]) -> Invalid:
    """Refuse what can be read and is not what was asked for."""
    return Invalid("invalid_payload", "The body has invalid fields; see errors.", errors)


def invalid_query(errors: Iterable[FieldError]) -> InvalidQuestion:
    """Refuse a question that makes no sense."""
    detail = "The query has invalid parameters; see errors."
    return InvalidQuestion("invalid_query", detail, errors)


def invalid_token() -> InvalidToken:
    """Give one answer for all that may be wrong with a token, or forgers would learn from it."""
    return InvalidToken("invalid_token", "The access token is not valid, or not any more.")


def forbidden(detail: str) -> Forbidden:
    """Refuse somebody we know what is not for them."""
    return Forbidden("forbidden", detail)


def overloaded(detail: str) -> Unavailable:
    """Refuse for a moment: the service is alive and has too much to do."""
    return Unavailable("overloaded", f"{detail} Try again.", retry_after=1)
