"""What stands in paths."""

from typing import Annotated

from fastapi import Path

from ..domain.fields import ID_MAX, Decimal

Id = Annotated[int, Path(ge=1, le=ID_MAX), Decimal]
