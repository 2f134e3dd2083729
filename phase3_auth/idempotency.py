"""Requests that may be sent twice and count once (draft-ietf-httpapi-idempotency-key-header-07).

A client that got no answer cannot know whether its order was placed. So it sends a key along, and
repeats the request with the same key until there is an answer. The key is written by the very
transaction that has the effect: either both are there or neither is.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request, Response
from psycopg import AsyncConnection
from psycopg.rows import class_row
from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticCustomError

from .auth import Identity
from .database import the_row
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


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that asks to be counted once: whose, its key, and a digest of what it asks for."""

    user_id: int
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A row of `idempotency_keys`: what a key was used for, and what that made."""

    fingerprint: bytes
    order_id: int | None
    movement_id: int | None


def attempt_of(request: Request, who: Identity, key: str, body: BaseModel) -> Attempt:
    """Take the fingerprint of a request: what it means, in whatever spelling of JSON it came.

    Raises 400 if there are two keys: every server would pick another of them.
    """
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise Problem(400, "invalid_idempotency_key", "Idempotency-Key: must be given once.")
    meaning = f"{request.method} {request.scope['path']} {body.model_dump_json()}"
    return Attempt(who.user_id, key, hashlib.sha256(meaning.encode()).digest())


def refuse_misuse(attempt: Attempt, known: Known | None, *, ours: bool) -> None:
    """Refuse a key that another request is using now (409), or was used for something else (422).

    After this a key that is known is the key of a retry, and one that is not is ours to use.
    """
    if known is None and not ours:
        raise Problem(
            409,
            "request_in_flight",
            "A request with this Idempotency-Key is under way. Try again for its answer.",
            headers={"Retry-After": "1"},
        )
    if known is not None and known.fingerprint != attempt.fingerprint:
        raise Problem(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new one.",
        )


def replayed(answer: Response) -> Response:
    """Say of an answer that it is one from earlier, and that nothing was done now."""
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


# ---------------------------------------------------------------- SQL


async def lock_key(conn: AsyncConnection, attempt: Attempt) -> bool:
    """Try to be the only one who is using a key until this transaction ends; tell whether we are.

    A lock on a number made of the key (advisory: PostgreSQL doesn't know what it stands for) is
    granted at once or not at all. The row alone would make a second request wait for the first
    one's COMMIT, with a connection in its hand.
    """
    cursor = await conn.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended(%(key)s, %(user_id)s))",
        {"user_id": attempt.user_id, "key": attempt.key},
    )
    return (await the_row(cursor))[0]


async def select_key(conn: AsyncConnection, attempt: Attempt) -> Known | None:
    """Look up what a key was used for; another user's key of the same letters is another key."""
    cursor = await conn.cursor(row_factory=class_row(Known)).execute(
        """
        SELECT fingerprint, order_id, movement_id
          FROM idempotency_keys
         WHERE user_id = %(user_id)s
           AND key = %(key)s
        """,
        {"user_id": attempt.user_id, "key": attempt.key},
    )
    return await cursor.fetchone()
