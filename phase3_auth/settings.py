"""What the environment may decide, with a default for everything but the database's address."""

import re
import sys
from typing import Annotated, Literal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict


def postgres_address(value: str) -> str:
    """Let libpq judge the address, now and not at the first request.

    An @ in a password that is not written %40 makes the rest of it a part of the host: libpq would
    look that up, and tell the log that it found nothing. Nor does libpq look at the port yet (or
    ports: an address may name several hosts).
    """
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        parts = {}  # libpq's own message repeats the address, password and all
    port = str(parts.get("port", 5432))
    if not parts or "@" in str(parts.get("host", "")) or not re.fullmatch("[0-9,]*", port):
        raise ValueError("must look like postgresql://user:password@host:5432/name (@ as %40)")
    return value


Seconds = Annotated[float, Field(ge=0.001, le=3600)]


class Settings(BaseSettings):
    """Read once at start; a bad value stops the service before it listens."""

    model_config = SettingsConfigDict(frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1)  # an empty one means every interface
    port: int = Field(default=8003, ge=0, le=65535)
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = "INFO"

    # It holds a password, so it has no default.
    database_url: Annotated[str, Field(min_length=1), AfterValidator(postgres_address)]
    # A connection is a PostgreSQL process. A few per core keep it busy; more only wait inside it.
    pool_min_size: int = Field(default=2, ge=0, le=1000)
    pool_max_size: int = Field(default=10, ge=1, le=1000)
    # How many requests may wait for a connection before the next one is turned away at once.
    pool_max_waiting: int = Field(default=500, ge=1)
    pool_timeout: Seconds = 3.0
    # PostgreSQL gives up on a statement after this long, and the service one second later should
    # PostgreSQL not even manage to say so.
    statement_timeout: Seconds = 5.0

    # The longest order, of a hundred lines, takes 6 kB without white space.
    max_body_bytes: int = Field(default=200_000, ge=1)
    keep_alive_timeout: int = Field(default=30, ge=1, le=3600)
    shutdown_timeout: int = Field(default=10, ge=1, le=3600)

    @field_validator("pool_max_size")
    @classmethod
    def hold_the_minimum(cls, value: int, info: ValidationInfo) -> int:
        """Refuse a pool whose most is less than its least."""
        if value < info.data.get("pool_min_size", 0):
            raise ValueError("must not be less than POOL_MIN_SIZE")
        return value


def from_environment() -> Settings:
    """Read the settings; exit 2 names every one that is missing or wrong."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue] -- the environment fills it
    except ValidationError as error:
        for problem in error.errors():
            name = str(problem["loc"][0]).upper() if problem["loc"] else "settings"
            missing = problem["type"] == "missing"
            sys.stderr.write(f"{name}: {'must be set' if missing else problem['msg']}\n")
        sys.exit(2)
