"""Accounts: what is needed to open one, to log in, and to change how that is done."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from .fields import STRICT, Email, Name
from .passwords import GivenPassword, NewPassword


@dataclass(frozen=True, slots=True)
class Account:
    """What a login looks at; `password_version` counts the passwords there have been."""

    id: int
    email: str
    password_hash: str | None
    password_version: int


@dataclass(frozen=True, slots=True)
class Promoted:
    """An account that has become an admin's.

    Unproven if no provider and no admin vouched for it.
    """

    id: int
    unproven: bool


class SignUp(BaseModel):
    """An account to open; its role is not the client's to say."""

    model_config = STRICT

    name: Name
    email: Email
    password: NewPassword


class Credentials(BaseModel):
    """Who somebody claims to be, and the proof."""

    model_config = STRICT

    email: Email
    password: GivenPassword


class GivenToken(BaseModel):
    """A refresh token to exchange."""

    model_config = STRICT

    refresh_token: Annotated[str, Field(min_length=1, max_length=200)]


class PasswordChange(BaseModel):
    """The password there is, and the one there shall be."""

    model_config = STRICT

    current_password: GivenPassword
    new_password: NewPassword


class NewRole(BaseModel):
    """What a user may do from now on."""

    model_config = STRICT

    role: Literal["user", "admin"]
