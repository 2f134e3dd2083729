"""Requests that may be sent twice and count once (draft-ietf-httpapi-idempotency-key-header-07).

A client that got no answer cannot know whether its order was placed. So it sends a key along, and
repeats the request with the same key until there is an answer. The key is written by the very
transaction that has the effect: either both are there or neither is.
"""

import hashlib
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request, Response
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from pydantic import AfterValidator, BaseModel
from pydantic_core import PydanticCustomError

from .database import the_row
from .errors import Problem
from .retrying import TryAgain

FORM = re.compile(r'("?)([!#-+.-Z^-~-]{1,255})\1')


def key_alone(text: str) -> str:
    """Take off the quotes that the draft wants and few clients send; refuse what is no key."""
    if not (match := FORM.fullmatch(text)):
        raise PydanticCustomError(
            "idempotency_key",
            'must be 1 to 255 visible ASCII characters, without " , [ \\ and ]',
        )
    return match[2]


Key = Annotated[str, AfterValidator(key_alone)]
KeyHeader = Header(
    alias="Idempotency-Key",
    description="A word of the client's own, the same for a request and its retries.",
    json_schema_extra={"pattern": '^("[!#-+.-Z^-~-]{1,255}"|[!#-+.-Z^-~-]{1,255})$'},
)
IdempotencyKey = Annotated[Key, KeyHeader]
OptionalKey = Annotated[Key | None, KeyHeader]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that asks to be counted once: its key, and a digest of what it asks for."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of a key: whether it is ours to use, and what it was used for, if it was."""

    ours: bool
    fingerprint: bytes | None
    order_id: int | None


def attempt_of(request: Request, key: str, body: BaseModel) -> Attempt:
    """Take the fingerprint of a request: what it means, in whatever spelling of JSON it came."""
    meaning = f"{request.method} {request.scope['path']} {body.model_dump_json()}"
    return Attempt(key, hashlib.sha256(meaning.encode()).digest())


def was_answered(claim: Claim, attempt: Attempt) -> bool:
    """Tell whether this is a retry of what was done already.

    Raises 409 while another request with this key is under way, and 422 if the key was used for
    something else.
    """
    if claim.fingerprint is None and not claim.ours:
        raise Problem(
            409,
            "request_in_flight",
            "A request with this Idempotency-Key is under way. Try again for its answer.",
            headers={"Retry-After": "1"},
        )
    if claim.fingerprint not in {None, attempt.fingerprint}:
        raise Problem(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request. Use a new one.",
        )
    return claim.fingerprint is not None


def replayed(answer: Response) -> Response:
    """Say of an answer that it is one from earlier, and that nothing was done now."""
    answer.headers["Idempotent-Replayed"] = "true"
    return answer


@contextmanager
def looking_again() -> Generator[None]:
    """Try all of it again if the key turns out to be there, though nobody seemed to have it.

    Its holder committed between our look at the table and our getting the lock. So the lock keeps
    most of those who come at once from waiting for each other, and the primary key is what keeps
    them from counting twice.
    """
    try:
        yield
    except UniqueViolation as error:
        if error.diag.constraint_name == "idempotency_keys_pkey":
            raise TryAgain from error
        raise


# ---------------------------------------------------------------- SQL


async def select_claim(conn: AsyncConnection, key: str) -> Claim:
    """Look a key up, and try to be the only one who is using it until this transaction ends.

    A lock on a number made of the key (advisory: PostgreSQL knows not what it stands for) is had
    or not had at once. The row alone would make a second request wait for the first one's COMMIT,
    with a connection in its hand.
    """
    cursor = await conn.cursor(row_factory=class_row(Claim)).execute(
        """
        SELECT pg_try_advisory_xact_lock(hashtextextended(asked.key, 0)) AS ours,
               known.fingerprint, known.order_id
          FROM (VALUES (%(key)s)) AS asked (key)
          LEFT JOIN idempotency_keys AS known ON known.key = asked.key
        """,
        {"key": key},
    )
    return await the_row(cursor)


async def insert_key(conn: AsyncConnection, attempt: Attempt) -> None:
    """Write down that this was done, so that it is not done again."""
    await conn.execute(
        """
        INSERT INTO idempotency_keys (key, fingerprint)
        VALUES (%(key)s, %(fingerprint)s)
        """,
        {"key": attempt.key, "fingerprint": attempt.fingerprint},
    )
