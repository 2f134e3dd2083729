"""How the shop's repositories refuse: in PostgreSQL's place, in the same words."""

from __future__ import annotations

from phase4_layered.domain.errors import Conflict, Forbidden


def email_taken() -> Conflict:
    """Refuse a second user with an e-mail (`users_email_key`)."""
    return Conflict("email_taken", "A user with this e-mail exists.")


def sku_taken() -> Conflict:
    """Refuse a second product with a SKU (`products_sku_key`)."""
    return Conflict("sku_taken", "A product with this SKU exists.")


def stock_limit() -> Conflict:
    """Refuse more pieces than can be counted (`products_stock_check`)."""
    detail = "There would be more pieces of a product than can be counted."
    return Conflict("stock_limit", detail)


def user_has_orders() -> Conflict:
    """Refuse to remove somebody who has ordered something (`orders_user_id_fkey`)."""
    return Conflict("user_has_orders", "This user has orders. The books have to be kept.")


def other_identity() -> Forbidden:
    """Refuse a second identity of one provider (`identities_user_id_issuer_key`)."""
    detail = "The login provider knew the owner of this account by another name."
    return Forbidden("other_identity", detail)
