"""What a phase's service is given besides its database: secrets, an OpenID provider, an admin.

A phase that needs any says so in its `development.env`: lines NAME=value, and comments after #.
In a value `${secret}` stands for a random text of this variable's own, and `${openid_provider}` for
the address of an OpenID provider; a variable that wants one is left out where there is none. A
phase without the file needs nothing.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from string import Template
from typing import TYPE_CHECKING

from shared.infra.state import State
from shared.phases import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from shared.phases import Phase

FIRST_ADMIN = ("ADMIN_EMAIL", "ADMIN_PASSWORD")
"""Who the first admin is: for the command that makes one, and for the checks that log in."""

LIMITLESS = dict.fromkeys(
    (
        *("LOGIN_PER_ADDRESS", "LOGIN_PER_PAIR", "LOGIN_PER_ACCOUNT"),
        *("SIGNUP_PER_ADDRESS", "REFRESH_PER_ADDRESS", "OAUTH_PER_ADDRESS"),
    ),
    "1000000/minute",
)
"""Settings of a service that lets one address be as many people as it likes."""

_PROVIDER = "openid_provider"
_PLACEHOLDERS = {"secret", _PROVIDER}
_MADE_WITHIN = 30.0


class Unprepared(Exception):
    """What a service is to be given can't be had; the message says why."""


def kept(phase: Phase, *, openid_provider: str | None = None) -> dict[str, str]:
    """Return the environment that lasts: the same secrets in each run of this checkout.

    They lie beside the data that they open. What our own environment says of a variable goes first.
    """
    state = State()
    made = _filled(phase, lambda name: state.secret(f"{phase.package}.{name}"), openid_provider)
    return made | {name: os.environ[name] for name in _declared(phase) if name in os.environ}


def fresh(phase: Phase, *, openid_provider: str | None = None) -> dict[str, str]:
    """Return an environment with secrets that nobody has seen, whatever our own one says."""
    return _filled(phase, lambda _: secrets.token_hex(16), openid_provider)


@contextmanager
def running(phase: Phase) -> Generator[dict[str, str]]:
    """Give the environment that lasts; if it wants an OpenID provider, one runs meanwhile."""
    wanting = {name for name, value in _declared(phase).items() if _PROVIDER in _wanted(value)}
    if wanting <= os.environ.keys():
        yield kept(phase)
        return
    from shared import openid  # noqa: PLC0415 - few phases want one

    with openid.provider() as provider:
        yield kept(phase, openid_provider=provider.issuer)


def make_admin(phase: Phase, environment: Mapping[str, str], root: Path = ROOT) -> None:
    """Let a phase that has admins make the first one, before it serves in this environment.

    Whoever is an admin already stays one. `root` may be a copy of the checkout.
    """
    if not phase.makes_admin:
        return
    command = ["-m", f"{phase.package}.make_admin", environment["ADMIN_EMAIL"]]
    try:
        ended = subprocess.run(
            [sys.executable, *command],
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_MADE_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unprepared(f"python {' '.join(command)} hangs.") from None
    if ended.returncode:
        what = f"python {' '.join(command)} ended with exit code {ended.returncode}"
        raise Unprepared(f"{what}. It wrote:\n{ended.stdout.strip()}")


def _filled(
    phase: Phase, secret: Callable[[str], str], openid_provider: str | None
) -> dict[str, str]:
    """Put values in place of the placeholders, as far as there are any."""
    filled: dict[str, str] = {}
    for name, template in _declared(phase).items():
        values = {_PROVIDER: openid_provider} if openid_provider is not None else {}
        if "secret" in _wanted(template):
            values["secret"] = secret(name)
        if _wanted(template) <= values.keys():
            filled[name] = template.substitute(values)
    return filled


def _declared(phase: Phase) -> dict[str, Template]:
    """Read the file; a line that nobody can make anything of is refused by its number."""
    file = phase.development
    declared: dict[str, Template] = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines() if file else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, text = line.strip().partition("=")
        declared[name] = Template(text)
        if not (name and equals and _is_understood(declared[name])):
            place = f"{phase.package}/development.env:{number}"
            raise Unprepared(f"{place}: no NAME=value with known placeholders: {line.strip()}")
    return declared


def _is_understood(template: Template) -> bool:
    return template.is_valid() and _wanted(template) <= _PLACEHOLDERS


def _wanted(template: Template) -> set[str]:
    return set(template.get_identifiers())
