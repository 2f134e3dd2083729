"""What all requests share to find out who is asking: made once, when the service starts."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from fastapi import Request

from .access_tokens import AccessTokens
from .client_address import client_address
from .clock import Clock
from .passwords import Passwords
from .provider import Provider
from .rate_limit import RateLimits
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Security:
    """Keys, clock, counters, and the settings that say how long things last."""

    settings: Settings
    clock: Clock
    passwords: Passwords
    access_tokens: AccessTokens
    limits: RateLimits
    provider: Provider | None = None  # where there is a login through one


def security(request: Request) -> Security:
    """Find it where create_app has put it."""
    return cast("Security", request.app.state.security)


def address_of(request: Request) -> str:
    """Tell where a request comes from, for counting."""
    return client_address(request.scope, security(request).settings.trusted_proxies)


def now(request: Request) -> datetime:
    """Tell the time by the service's clock."""
    return security(request).clock()
