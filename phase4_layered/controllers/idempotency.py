"""The Idempotency-Key header, and the attempt that a request with one is."""

import hashlib
import re
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticCustomError

from ..domain.idempotency import Attempt
from ..domain.identity import Identity
from .errors import Problem

# Visible ASCII but for " , [ \ and ], which quote and separate in headers that hold lists.
CHARACTERS = "[!#-+.-Z^-~-]{1,255}"
FORM = re.compile(rf'("?)({CHARACTERS})\1')


def key_alone(text: str) -> str:
    """Take off the quotes that the draft wants and few clients send; refuse what is no key."""
    if not (match := FORM.fullmatch(text.strip(" \t"))):
        raise PydanticCustomError(
            "idempotency_key",
            'must be 1 to 255 visible ASCII characters, without " , [ \\ and ]',
        )
    return match[2]


Key = Annotated[str, AfterValidator(key_alone)]
KeyHeader = Header(
    alias="Idempotency-Key",
    description="A word of the client's own, the same for a request and its retries. "
    "It may be forgotten after a day.",
    json_schema_extra={"pattern": f'^("{CHARACTERS}"|{CHARACTERS})$'},
)
IdempotencyKey = Annotated[Key, KeyHeader]
OptionalKey = Annotated[Key | None, KeyHeader]


def attempt_of(request: Request, who: Identity, key: str, body: BaseModel) -> Attempt:
    """Take the fingerprint of a request: what it means, in whatever spelling of JSON it came.

    Raises 400 if there are two keys: every server would pick another of them.
    """
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Problem(400, "invalid_idempotency_key", "Idempotency-Key: must be given once.")
    meaning = f"{request.method} {request.scope['path']} {body.model_dump_json()}"
    return Attempt(who.user_id, key, hashlib.sha256(meaning.encode()).digest())


def replayed(answer: Response) -> Response:
    """Say of an answer that it is one from earlier, and that nothing was done now."""
    answer.headers["Idempotent-Replayed"] = "true"
    return answer
