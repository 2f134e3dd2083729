"""What values are like: the rules for a name, an e-mail address, a price, whoever brings them."""

import re
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

ID_MAX = 2**63 - 1  # the ids of schema.sql are bigint

# Strict: "7" is no number and 1.0 no integer. Forbid: a misspelt field is told, not ignored.
STRICT = ConfigDict(strict=True, extra="forbid")

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


def stock_keeping_unit(text: str) -> str:
    """Refuse what would not fit on a label, and lower case, in which tea-1 would not be TEA-1."""
    if not SKU.fullmatch(text):
        raise PydanticCustomError("sku", "must look like TEA-1: 1 to 40 of A-Z, 0-9, dot, _ and -")
    return text


def decimal(value: object) -> object:
    """Let only digits through: to pydantic " 7", "+7", "7.0" and "1_0" are integers, too."""
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]{0,18}", value):
        raise PydanticCustomError("decimal", "must be a whole number in decimal digits")
    return value


def flag(value: object) -> object:
    """Let only true and false through: to pydantic "on", "y" and "1" are true, too."""
    if isinstance(value, str) and value not in {"true", "false"}:
        raise PydanticCustomError("flag", "must be true or false")
    return value


def instant(value: object) -> object:
    """Let only RFC 3339 through: to pydantic "1700000000" is a time, too."""
    if isinstance(value, str) and not RFC_3339.fullmatch(value):
        raise PydanticCustomError(
            "instant", "must look like 2026-01-31T09:00:00Z (write the + of a zone as %2B)"
        )
    return value


SKU = re.compile("[A-Z0-9][A-Z0-9._-]{0,39}")
# What browsers take in <input type=email> (HTML Standard, 4.10.5.1.5), with a dot in the domain.
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{LABEL}(\.{LABEL})+")
RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def described(pattern: str) -> JsonDict:
    """Tell readers of the JSON schema, as a pattern, what one of the functions above checks."""
    return {"pattern": f"^{pattern}$"}


VISIBLE = described(r"[^\x00]*[^\s\x00][^\x00]*")
STORABLE = described(r"[^\x00]*")

# ---------------------------------------------------------------- fields

NAME_LENGTH = 100

Name = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LENGTH, json_schema_extra=VISIBLE),
    AfterValidator(storable),
    AfterValidator(visible),
]
Email = Annotated[
    str,
    Field(max_length=254, json_schema_extra=described(EMAIL.pattern)),
    AfterValidator(addressable),
]
ProductName = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra=VISIBLE),
    AfterValidator(storable),
    AfterValidator(visible),
]
Sku = Annotated[
    str, Field(json_schema_extra=described(SKU.pattern)), AfterValidator(stock_keeping_unit)
]
Price = Annotated[int, Field(ge=0, le=100_000_000, description="In the smallest unit of money.")]
Stock = Annotated[int, Field(ge=0, le=1_000_000)]
Quantity = Annotated[int, Field(ge=1, le=10_000)]
Reference = Annotated[int, Field(ge=1, le=ID_MAX)]

Flag = Annotated[bool, BeforeValidator(flag)]

Decimal = BeforeValidator(decimal)
Limit = Annotated[int, Field(ge=1, le=100), Decimal]
Offset = Annotated[int, Field(ge=0, le=1_000_000), Decimal]
UserId = Annotated[int, Field(ge=1, le=ID_MAX), Decimal]
Money = Annotated[int, Field(ge=0, le=100_000_000), Decimal]
Search = Annotated[
    str, Field(min_length=1, max_length=200, json_schema_extra=STORABLE), AfterValidator(storable)
]
Instant = Annotated[datetime, BeforeValidator(instant)]
