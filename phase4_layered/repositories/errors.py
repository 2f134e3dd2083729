"""What PostgreSQL's errors mean in the shop's words: by their kind, and constraints by name."""

from collections.abc import Callable

from psycopg import Error, IntegrityError, OperationalError
from psycopg.errors import (
    DeadlockDetected,
    IdleInTransactionSessionTimeout,
    QueryCanceled,
    ReadOnlySqlTransaction,
    SerializationFailure,
)

from ..domain.errors import (
    Conflict,
    Forbidden,
    Invalid,
    ShopError,
    TryAgain,
    Unavailable,
    invalid_payload,
    invalid_token,
    overloaded,
)


def database_unavailable() -> Unavailable:
    """PostgreSQL is away; the pool keeps trying, so a later request may succeed."""
    detail = "The database cannot be reached. Try again."
    return Unavailable("database_unavailable", detail, retry_after=2)


def not_set_up() -> Unavailable:
    """PostgreSQL is there, and our tables are not."""
    detail = "The database has not been set up: load schema.sql into it."
    return Unavailable("database_not_set_up", detail, retry_after=30)


def user_has_orders() -> Conflict:
    """Somebody who has ordered something cannot be removed."""
    return Conflict("user_has_orders", "This user has orders. The books have to be kept.")


def _broken(field: str) -> Callable[[], Invalid]:
    return lambda: invalid_payload(
        [{"field": field, "message": "The database refuses this value."}]
    )


# Made anew for each violation: a raised exception collects where it has been.
VIOLATIONS: dict[str, Callable[[], ShopError]] = {
    "users_email_key": lambda: Conflict("email_taken", "A user with this e-mail exists."),
    "identities_user_id_issuer_key": lambda: Forbidden(
        "other_identity", "The login provider knew the owner of this account by another name."
    ),
    "users_name_check": _broken("name"),
    "users_email_check": _broken("email"),
    "products_sku_key": lambda: Conflict("sku_taken", "A product with this SKU exists."),
    "products_sku_check": _broken("sku"),
    "products_name_check": _broken("name"),
    "products_price_check": _broken("price"),
    # Below zero would be our own bug, as orders ask before they take. This is the upper end.
    "products_stock_check": lambda: Conflict(
        "stock_limit", "There would be more pieces of a product than can be counted."
    ),
    # Deleted while the order, or an admin's restock, was on its way.
    "orders_user_id_fkey": invalid_token,
    "idempotency_keys_user_id_fkey": invalid_token,
}


def meaning_of(error: Error) -> ShopError | None:
    """Tell what an error means; None if it means that we have a bug."""
    match error:
        case IntegrityError():
            return meaning_of_violation(error)
        case DeadlockDetected() | SerializationFailure():
            return TryAgain()
        case QueryCanceled():
            return overloaded("The query took too long.")
        # psycopg classes the last two as internal; they are PostgreSQL's trouble all the same.
        case OperationalError() | IdleInTransactionSessionTimeout() | ReadOnlySqlTransaction():
            return database_unavailable()
        case _:
            return None


def meaning_of_violation(error: IntegrityError) -> ShopError | None:
    """Tell what a broken constraint means by its name; one that is not in the table is our own bug.

    Then it goes to the log, without what PostgreSQL says besides: that is the whole row, with
    somebody's e-mail and password hash.
    """
    meaning = VIOLATIONS.get(error.diag.constraint_name or "")
    if meaning is None:
        error.args = (error.diag.message_primary,)
        return None
    return meaning()
