"""What is kept: a dict for each table of schema.sql, with rows that are never changed in place."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from phase4_layered.domain.clock import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from phase4_layered.domain.clock import Clock
    from phase4_layered.domain.idempotency import Known
    from phase4_layered.domain.logins import Login
    from phase4_layered.domain.orders import Order
    from phase4_layered.domain.products import Movement, Product


@dataclass(frozen=True, slots=True)
class UserRow:
    """A row of `users`."""

    id: int
    name: str
    email: str
    role: str
    created_at: datetime
    email_verified: bool = False
    password_hash: str | None = None
    password_version: int = 1


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A row of `idempotency_keys`, whose primary key is the key of the dict."""

    known: Known
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A row of `sessions`; without a cookie it is a family of tokens."""

    id: int
    user_id: int
    cookie_hash: bytes | None
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshTokenRow:
    """A row of `refresh_tokens`, whose primary key (the hash) is the key of the dict."""

    session_id: int
    parent: bytes | None
    seed: bytes | None
    access_jti: UUID
    issued_at: datetime
    access_expires_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class Tables:
    """All rows there are."""

    users: dict[int, UserRow] = field(default_factory=dict[int, UserRow])
    products: dict[int, Product] = field(default_factory=dict[int, "Product"])
    movements: dict[int, Movement] = field(default_factory=dict[int, "Movement"])
    orders: dict[int, Order] = field(default_factory=dict[int, "Order"])
    keys: dict[tuple[int, str], KeyRow] = field(default_factory=dict[tuple[int, str], KeyRow])
    sessions: dict[int, SessionRow] = field(default_factory=dict[int, SessionRow])
    refresh_tokens: dict[bytes, RefreshTokenRow] = field(
        default_factory=dict[bytes, RefreshTokenRow]
    )
    revoked_tokens: dict[UUID, datetime] = field(default_factory=dict["UUID", "datetime"])
    identities: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    oauth_logins: dict[bytes, tuple[Login, datetime]] = field(
        default_factory=dict[bytes, tuple["Login", "datetime"]]
    )

    def copy(self) -> Tables:
        """Copy the dicts; the rows in them never change, so they need no copying."""
        return Tables(*(dict(getattr(self, each.name)) for each in fields(self)))


class Store:
    """The tables, the next id, and whose turn it is."""

    def __init__(self, clock: Clock = utc_now) -> None:
        self.tables = Tables()
        self.clock = clock
        self.turn = asyncio.Lock()
        self._last_id = 0

    def next_id(self) -> int:
        """Give an id that nothing has had, as a sequence does: what is rolled back leaves a gap."""
        self._last_id += 1
        return self._last_id
