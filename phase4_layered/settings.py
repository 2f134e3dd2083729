"""What the environment may decide; the database's address, the keys and the pepper it must."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .adapters.rate_limit import Rate, limit_of
from .networks import Network, trusted_networks
from .repositories.address import postgres_address


def written_as(read: Callable[[str], object]) -> BeforeValidator:
    """Read what stands in the environment; a default is there already."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def seconds(text: str) -> timedelta:
    """Read a number of seconds; to pydantic "1:30" is a duration, too."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text.strip()):
        raise ValueError("must be a number of seconds, such as 900 or 0.5")
    return timedelta(seconds=float(text))


def long_secret(secret: SecretStr) -> SecretStr:
    """Refuse what could be guessed: too short, one letter over and over, or never filled in."""
    value = secret.get_secret_value()
    placeholder = re.search("change|secret|password|example|placeholder", value, re.IGNORECASE)
    if len(value) < SECRET_LENGTH or len(set(value)) < SECRET_LENGTH // 4 or placeholder:
        raise ValueError(
            f"must be at least {SECRET_LENGTH} random characters, such as those of "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    return secret


def signing_keys(text: str) -> dict[str, str]:
    """Read `name:secret,name:secret`; the names go into tokens, so that a key is found again."""
    pairs = [pair.strip().partition(":") for pair in text.split(",")]
    keys = {name: secret for name, _, secret in pairs}
    if len(keys) < len(pairs) or not all(re.fullmatch("[A-Za-z0-9._-]{1,40}", n) for n in keys):
        raise ValueError("must look like name:secret or name:secret,other-name:secret")
    return keys


def our_address(value: str) -> str:
    """Refuse what no browser would call us by, letter by letter: it is compared with an Origin.

    It is put in front of paths, too, so it has none.
    """
    origin = r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?"
    if not re.fullmatch(origin, value) or re.fullmatch("http:.*:80|https:.*:443", value):
        raise ValueError(
            "must look like https://shop.example.org or http://127.0.0.1:8004, "
            "without a path, and without a port that goes without saying"
        )
    return value


def issuer_address(value: str) -> str:
    """Refuse a provider whom others could pose as: only on this machine is nobody in between."""
    if value and not re.fullmatch(
        r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/[^\s?#]*)?", value
    ):
        raise ValueError("must look like https://login.example.org (http on this machine alone)")
    return value


HTTP_PORT = 80
LEAST_BCRYPT_COST = 10  # OWASP, Password Storage Cheat Sheet; a lower one is for tests
SECRET_LENGTH = 32  # characters; as bytes, what SHA-256 wants of an HMAC's key (RFC 7518, 3.2)

# A pool's most, and its least; what lives as long as something else, and that.
AT_LEAST = {
    "pool_max_size": "pool_min_size",
    "refresh_token_lifetime": "access_token_lifetime",
    "family_lifetime": "refresh_token_lifetime",
    "session_lifetime": "session_idle",
}
Ordered = TypeVar("Ordered", int, timedelta)

Seconds = Annotated[float, Field(ge=0.001, le=3600)]
Lifetime = Annotated[
    timedelta,
    written_as(seconds),
    Field(ge=timedelta(seconds=1), le=timedelta(days=366)),
]
# Not for long: until it is over, a stolen token may be exchanged beside its owner's.
Grace = Annotated[
    timedelta,
    written_as(seconds),
    Field(ge=timedelta(0), le=timedelta(minutes=1)),
]
# SecretStr shows itself as asterisks wherever it is printed by mistake.
Secret = Annotated[SecretStr, AfterValidator(long_secret)]
Keys = Annotated[dict[str, Secret], NoDecode, written_as(signing_keys)]
Limit = Annotated[Rate, NoDecode, written_as(limit_of)]
Networks = Annotated[tuple[Network, ...], NoDecode, written_as(trusted_networks)]


class Settings(BaseSettings):
    """Read once at start; a bad value stops the service before it listens."""

    model_config = SettingsConfigDict(frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1)  # an empty one means every interface
    port: int = Field(default=8004, ge=0, le=65535)
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(str.upper)
    ] = "INFO"

    # It holds a password, so it has no default and is not shown.
    database_url: Annotated[str, Field(min_length=1, repr=False), AfterValidator(postgres_address)]
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
    # Where browsers find us. A login at a provider comes back to here and to nowhere else, and what
    # a page of another address sends with our cookie is refused.
    public_url: Annotated[str, AfterValidator(our_address)] = ""

    # Access tokens: the first key signs, all of them verify.
    jwt_keys: Keys
    jwt_issuer: str = Field(default="shop", min_length=1)
    jwt_audience: str = Field(default="shop-api", min_length=1)
    # How long a stolen one is good if nobody notices.
    access_token_lifetime: Lifetime = timedelta(minutes=15)
    # A client that stays away for longer has to log in again, and so has everybody in the end.
    refresh_token_lifetime: Lifetime = timedelta(days=14)
    family_lifetime: Lifetime = timedelta(days=90)
    # In this time a client that lost the answer may ask for it once more.
    refresh_grace: Grace = timedelta(seconds=10)
    # The same two for a cookie, which people leave behind on machines that are not theirs.
    session_idle: Lifetime = timedelta(minutes=30)
    session_lifetime: Lifetime = timedelta(hours=12)

    # Mixed into every password, so that a stolen database alone is no use to those who guess.
    password_pepper: Secret
    # Each step doubles the work, ours and theirs. It goes up only: to check a hash that was made at
    # more than this takes longer than an unknown e-mail does, which tells who has an account.
    bcrypt_cost: int = Field(default=12, ge=4, le=16)
    # Hashing takes a core for a quarter of a second. So many at once, and the others wait.
    password_threads: int = Field(default=1, ge=1, le=64)

    # Who may say on whose behalf a request comes (X-Forwarded-For).
    trusted_proxies: Networks = ()
    login_per_address: Limit = limit_of("30/minute")
    login_per_pair: Limit = limit_of("5/15 minutes")
    login_per_account: Limit = limit_of("100/hour")
    signup_per_address: Limit = limit_of("20/hour")
    refresh_per_address: Limit = limit_of("60/minute")
    oauth_per_address: Limit = limit_of("20/minute")

    # An OpenID provider to log in through; without one there is no such login.
    oidc_issuer: Annotated[str, AfterValidator(issuer_address)] = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    # It is asked while a person waits, and may be away.
    oidc_timeout: Seconds = 5.0

    keep_alive_timeout: int = Field(default=30, ge=1, le=3600)
    shutdown_timeout: int = Field(default=10, ge=1, le=3600)

    @field_validator("public_url", mode="before")
    @classmethod
    def default_to_here(cls, value: str, info: ValidationInfo) -> str:
        """Take where we listen, which is where a browser on the same machine finds us."""
        # One of the two that is wrong isn't here, and has been told of.
        host, port = info.data.get("host", "localhost").lower(), info.data.get("port", HTTP_PORT)
        here = f"http://[{host}]" if ":" in host else f"http://{host}"
        return value or (here if port == HTTP_PORT else f"{here}:{port}")

    @field_validator("oidc_client_id")
    @classmethod
    def be_a_client(cls, value: str, info: ValidationInfo) -> str:
        """Refuse a provider that doesn't know us."""
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("must be set, because OIDC_ISSUER is")
        return value

    @field_validator(*AT_LEAST)
    @classmethod
    def hold_the_minimum(cls, value: Ordered, info: ValidationInfo) -> Ordered:
        """Refuse what is less than something that it must be able to hold."""
        least = AT_LEAST[str(info.field_name)]
        if least in info.data and value < info.data[least]:
            raise ValueError(f"must not be less than {least.upper()}")
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
