"""What can be set from outside: by environment variable, or by the flag of the same name."""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

HIGHEST_PORT = 65535
ONE_DAY = 86400
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """A setting has a value that it cannot have; the message names both."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How the text of a setting becomes a value; `parse` raises ValueError if it cannot."""

    expected: str
    parse: Callable[[str], T]


def parse_host(text: str) -> str:
    """Accept anything but nothing; the system knows which names and addresses it has."""
    if not text.strip():
        raise ValueError
    return text.strip()


def parse_whole_number(text: str, lowest: int, highest: int) -> int:
    """Accept digits only; `int` alone would take `1_000`, ` 7` and `٣` as well."""
    if not re.fullmatch("[0-9]{1,12}", text) or not lowest <= int(text) <= highest:
        raise ValueError
    return int(text)


def parse_seconds(text: str) -> float:
    """Accept a duration; the comparison fails for `nan`, too."""
    seconds = float(text)
    if not 0 < seconds <= ONE_DAY:
        raise ValueError
    return seconds


def parse_log_level(text: str) -> str:
    """Accept a level in any case."""
    if text.upper() not in LOG_LEVELS:
        raise ValueError
    return text.upper()


HOST = Kind("an address to listen on", parse_host)
PORT = Kind(
    f"a port from 0 to {HIGHEST_PORT}", lambda text: parse_whole_number(text, 0, HIGHEST_PORT)
)
SECONDS = Kind("a number of seconds above 0, at most a day", parse_seconds)
COUNT = Kind("a whole number above 0", lambda text: parse_whole_number(text, 1, 10**12))
LOG_LEVEL = Kind(f"one of {', '.join(LOG_LEVELS)}", parse_log_level)


def setting(default: T, kind: Kind[T], purpose: str) -> T:
    """Declare a setting with its default and its line in --help."""
    return field(default=default, metadata={"kind": kind, "purpose": purpose})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting. `header_timeout` is HEADER_TIMEOUT outside, and --header-timeout."""

    host: str = setting("127.0.0.1", HOST, "address to listen on")
    port: int = setting(8000, PORT, "port to listen on; 0 takes a free one")
    log_level: str = setting("INFO", LOG_LEVEL, "least urgent messages to log")
    idle_timeout: float = setting(10.0, SECONDS, "wait for a request on an open connection")
    header_timeout: float = setting(10.0, SECONDS, "wait for the end of a request's head")
    body_timeout: float = setting(10.0, SECONDS, "wait for the end of a request's body")
    send_timeout: float = setting(10.0, SECONDS, "wait for the client to take an answer")
    drain_timeout: float = setting(5.0, SECONDS, "let requests finish after SIGTERM")
    max_request_line_bytes: int = setting(8192, COUNT, "longest request line")
    max_header_bytes: int = setting(16384, COUNT, "most bytes in all headers together")
    max_body_bytes: int = setting(1048576, COUNT, "longest body")
    max_connections: int = setting(200, COUNT, "most connections at once")


def load_settings(
    program: str, arguments: Sequence[str], environment: Mapping[str, str]
) -> Settings:
    """Read the settings: a flag wins over the variable, which wins over the default."""
    flags = vars(build_parser(program).parse_args(arguments))
    chosen: dict[str, Any] = {}
    for declared in fields(Settings):
        variable, flag = spellings(declared.name)
        kind = cast("Kind[Any]", declared.metadata["kind"])
        if flags[declared.name] is not None:
            chosen[declared.name] = parse_setting(flag, kind, flags[declared.name])
        elif variable in environment:
            chosen[declared.name] = parse_setting(variable, kind, environment[variable])
    return Settings(**chosen)


def build_parser(program: str) -> argparse.ArgumentParser:
    """Make a flag of every setting. Values stay text here, to be judged with their name."""
    parser = argparse.ArgumentParser(
        program, description="Users and posts over HTTP.", allow_abbrev=False
    )
    for declared in fields(Settings):
        variable, flag = spellings(declared.name)
        purpose = f"{declared.metadata['purpose']} (default {declared.default}; {variable})"
        parser.add_argument(flag, dest=declared.name, metavar="VALUE", help=purpose)
    return parser


def spellings(name: str) -> tuple[str, str]:
    """Return how a setting is written in the environment and on the command line."""
    return name.upper(), f"--{name.replace('_', '-')}"


def parse_setting(spelling: str, kind: Kind[Any], text: str) -> object:
    """Turn text into a value, or say what is wrong with it and by which name it was given."""
    try:
        return kind.parse(text)
    except ValueError:
        raise SettingsError(f"{spelling} must be {kind.expected}, not {text!r}.") from None
