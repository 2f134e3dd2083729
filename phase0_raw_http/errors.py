"""The one error of the service: a stable code for programs, a sentence for people."""

from collections.abc import Mapping, Sequence

FieldError = dict[str, str]
"""One wrong field or parameter: {"field": its name, "message": what would be right}."""


class ServiceError(Exception):
    """A request that cannot be answered as asked; REST and RPC each word it their own way.

    `code` never changes once published. `detail` says what was wrong and what would be right.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def invalid_payload(errors: Sequence[FieldError]) -> ServiceError:
    """Refuse a body that is JSON, but not the JSON wanted; every wrong field at once."""
    return ServiceError("invalid_payload", "Some fields are wrong; see errors.", errors=errors)


def invalid_query(errors: Sequence[FieldError]) -> ServiceError:
    """Refuse a query; every wrong parameter at once."""
    return ServiceError("invalid_query", "Some parameters are wrong; see errors.", errors=errors)
