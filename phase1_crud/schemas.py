"""The bodies and queries the API accepts, and the shape its pages have."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, with_config
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on

Item = TypeVar("Item")

ID_MAX = 2**63 - 1  # the ids of schema.sql are bigint


# ---------------------------------------------------------------- rules


def storable(text: str) -> str:
    """Refuse NUL, which is a character in JSON and cannot be one in PostgreSQL's text."""
    if "\0" in text:
        raise PydanticCustomError("nul", "must not contain the character U+0000")
    return text


def visible(text: str) -> str:
    """Refuse text in which there is nothing to see."""
    if not text.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return text


def addressable(text: str) -> str:
    """Refuse what cannot be an e-mail address; only a letter sent there tells whether it is one."""
    if not EMAIL.fullmatch(text):
        raise PydanticCustomError("email", "must be an e-mail address such as ada@example.com")
    return text


def decimal(value: object) -> object:
    """Let only digits through: to pydantic " 7", "+7", "7.0" and "1_0" are integers, too."""
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]{0,18}", value):
        raise PydanticCustomError("decimal", "must be a whole number in decimal digits")
    return value


def instant(value: object) -> object:
    """Let only RFC 3339 through: to pydantic "1700000000" is a time, too."""
    if isinstance(value, str) and not RFC_3339.fullmatch(value):
        raise PydanticCustomError(
            "instant", "must look like 2026-01-31T09:00:00Z (write the + of a zone as %2B)"
        )
    return value


# What browsers take in <input type=email> (HTML Standard, 4.10.5.1.5), with a dot in the domain.
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(\.{LABEL})+")
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def described(pattern: str) -> JsonDict:
    """Tell readers of /openapi.json, as a pattern, what one of the functions above checks."""
    return {"pattern": f"^{pattern}$"}


VISIBLE = described(r"[^\x00]*[^\s\x00][^\x00]*")
STORABLE = described(r"[^\x00]*")

# ---------------------------------------------------------------- fields

Name = Annotated[
    str,
    Field(min_length=1, max_length=100, json_schema_extra=VISIBLE),
    AfterValidator(storable),
    AfterValidator(visible),
]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra=described(EMAIL.pattern)),
    AfterValidator(addressable),
]
Title = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra=VISIBLE),
    AfterValidator(storable),
    AfterValidator(visible),
]
PostBody = Annotated[
    str, Field(max_length=10_000, json_schema_extra=STORABLE), AfterValidator(storable)
]
CommentBody = Annotated[
    str,
    Field(min_length=1, max_length=2_000, json_schema_extra=VISIBLE),
    AfterValidator(storable),
    AfterValidator(visible),
]
Reference = Annotated[int, Field(ge=1, le=ID_MAX)]

Decimal = BeforeValidator(decimal)
Id = Annotated[int, Path(ge=1, le=ID_MAX), Decimal]
Limit = Annotated[int, Field(ge=1, le=100), Decimal]
Offset = Annotated[int, Field(ge=0, le=1_000_000), Decimal]
UserId = Annotated[int, Field(ge=1, le=ID_MAX), Decimal]
Search = Annotated[
    str, Field(min_length=1, max_length=200, json_schema_extra=STORABLE), AfterValidator(storable)
]
Instant = Annotated[datetime, BeforeValidator(instant)]

# ---------------------------------------------------------------- bodies

# Strict: "7" is no number and 1.0 no integer. Forbid: a misspelt field is told, not ignored.
STRICT = ConfigDict(strict=True, extra="forbid")


class NewUser(BaseModel):
    """A whole user, to create one or to replace one with."""

    model_config = STRICT

    name: Name
    email: Email


@with_config(STRICT)
class UserChanges(TypedDict, total=False):
    """Any of a user's fields (RFC 7396): a field left out stays, and none may become null."""

    name: Name
    email: Email


class NewPost(BaseModel):
    """A whole post, to create one or to replace one with."""

    model_config = STRICT

    user_id: Reference
    title: Title
    body: PostBody


@with_config(STRICT)
class PostChanges(TypedDict, total=False):
    """Any of a post's fields."""

    user_id: Reference
    title: Title
    body: PostBody


class NewComment(BaseModel):
    """A comment; the post it belongs to is in the path."""

    model_config = STRICT

    user_id: Reference
    body: CommentBody


class CommentText(BaseModel):
    """What of a comment can be replaced: its text, and neither its author nor its post."""

    model_config = STRICT

    body: CommentBody


@with_config(STRICT)
class CommentChanges(TypedDict, total=False):
    """Any of a comment's changeable fields, of which there is one."""

    body: CommentBody


# ---------------------------------------------------------------- pages


class PageQuery(BaseModel):
    """Which part of a list is wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: Limit = 20
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list, and how long the whole list is."""

    items: list[Item]
    limit: int
    offset: int
    total: int
