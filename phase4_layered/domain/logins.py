"""Logins through a provider: what is kept while a browser is away, and who comes back."""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from .errors import Unauthenticated
from .sessions import digest


@dataclass(frozen=True, slots=True)
class Login:
    """A login that has begun."""

    nonce: str
    code_verifier: str
    return_to: str


class Profile(BaseModel):
    """What the provider knows of a person beside who it is; nothing of it is certain to be there.

    Its types are judged where a value is used: the nameless may come in all the same.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    sub: Annotated[str, Field(min_length=1, max_length=255, pattern=r"\A[\x20-\x7e]+\z")]
    email: object = None
    email_verified: object = None
    name: object = None


class Callback(BaseModel):
    """What the provider sends a browser back with: a code, or an error in its place.

    The only query that may hold more than it knows: providers add parameters of their own, and a
    client has to ignore them (RFC 6749, 4.1.2). One that is given twice is refused even here.
    """

    model_config = ConfigDict(extra="ignore")

    state: Annotated[str, Field(max_length=100)]
    code: Annotated[str, Field(min_length=1, max_length=4000)] | None = None
    iss: Annotated[str, Field(max_length=1000)] | None = None
    error: Annotated[str, Field(max_length=1000)] | None = None


class LoginRefused(Unauthenticated):
    """The provider, or what it said, lets nobody in; `why` is for the log, not for the person.

    It is for the log as well that a reason is a word of ours and never one of the provider's.
    """

    def __init__(self, why: str) -> None:
        detail = "The login provider did not vouch for you. Begin the login again."
        super().__init__("login_refused", detail)
        self.why = why


def state_of(secret: str) -> str:
    """Make the state out of the cookie's secret.

    The state travels in addresses, which end up in histories and logs. If the cookie held the same,
    whoever reads the address of a callback first could make the cookie and use both. There is no
    way back from this.
    """
    return urlsafe_b64encode(digest(f"state {secret}")).decode().rstrip("=")
