"""People, as the shop knows them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, with_config
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

from .fields import STRICT, Email, Instant, Name, Search
from .paging import PageQuery


@dataclass(frozen=True, slots=True)
class User:
    """A person, as the service knows them."""

    id: int
    name: str
    email: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user, and what they bought; cancelled orders count for nothing."""

    id: int
    name: str
    email: str
    created_at: datetime
    orders: int
    spent: int
    last_order_at: datetime | None


class UserQuery(PageQuery):
    """Which users, in which order."""

    name: Search | None = None
    email: Email | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    sort: Literal["id", "-id", "name", "-name", "email", "-email", "created_at", "-created_at"] = (
        "id"
    )


class NewUser(BaseModel):
    """A whole user, to create one or to replace one with."""

    model_config = STRICT

    name: Name
    email: Email


@with_config(STRICT)
class UserChanges(TypedDict, total=False):
    """Any of a user's fields (RFC 7396): a field left out stays, and none may become null."""

    name: Name
    email: Email
