"""Where PostgreSQL and Redis come from: embedded, in containers, or somebody else's.

`INFRA` chooses: `embedded`, `containers`, `external`, or `auto`, which is `external` if
`DATABASE_URL` is set and `embedded` otherwise. Every function may be called again and again, by
several processes at once: a service is started once for a checkout and found from then on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, cast, get_args

from .errors import InfraError
from .state import State

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["InfraError", "Mode", "down", "mode", "postgres", "redis", "remove"]

Mode = Literal["auto", "embedded", "containers", "external"]


def mode() -> Mode:
    """Return the mode that the environment chooses; never `auto`."""
    named = os.environ.get("INFRA") or "auto"
    if named not in get_args(Mode):
        raise InfraError(f"INFRA={named} is none of: {', '.join(get_args(Mode))}.")
    if named == "auto":
        return "external" if os.environ.get("DATABASE_URL") else "embedded"
    return cast("Mode", named)


def postgres(state: State | None = None) -> str:
    """Return the URL of a maintenance database whose role may create databases."""
    state = state or State()
    return {"embedded": _embedded_postgres, "containers": _containers_postgres}.get(
        mode(), _external_postgres
    )(state)


def redis(state: State | None = None) -> str:
    """Return the URL of a server that speaks the Redis protocol."""
    state = state or State()
    return {"embedded": _embedded_redis, "containers": _containers_redis}.get(
        mode(), _external_redis
    )(state)


def down(state: State | None = None) -> list[str]:
    """Stop whatever this checkout started, in whichever mode, and name it."""
    state = state or State()
    with state.locked():
        return [*_stop_embedded(state), *_stop_containers(state)]


def remove(state: State | None = None) -> None:
    """Remove what the embedded services left on disk; `down` comes first."""
    (state or State()).remove_home()


# Each mode's libraries are imported when that mode is used: Docker's alone take half a second.


def _embedded_postgres(state: State) -> str:
    from .embedded_postgres import EmbeddedPostgres  # noqa: PLC0415

    return EmbeddedPostgres(state).url()


def _embedded_redis(state: State) -> str:
    from .embedded_valkey import EmbeddedValkey  # noqa: PLC0415

    return EmbeddedValkey(state).url()


def _containers_postgres(state: State) -> str:
    from .containers import Containers  # noqa: PLC0415

    with Containers(state) as containers:
        return containers.postgres_url()


def _containers_redis(state: State) -> str:
    from .containers import Containers  # noqa: PLC0415

    with Containers(state) as containers:
        return containers.redis_url()


def _external_postgres(_state: State) -> str:
    from . import external  # noqa: PLC0415

    return external.postgres_url()


def _external_redis(_state: State) -> str:
    from . import external  # noqa: PLC0415

    return external.redis_url()


def _stop_embedded(state: State) -> list[str]:
    from .embedded_postgres import EmbeddedPostgres  # noqa: PLC0415
    from .embedded_valkey import EmbeddedValkey  # noqa: PLC0415

    services: dict[str, Callable[[], bool]] = {
        "PostgreSQL": EmbeddedPostgres(state).stop,
        "Valkey": EmbeddedValkey(state).stop,
    }
    return [name for name, stop in services.items() if stop()]


def _stop_containers(state: State) -> list[str]:
    from .containers import Containers  # noqa: PLC0415

    try:
        with Containers(state) as containers:
            return containers.stop()
    except InfraError:
        return []  # no engine, no containers
