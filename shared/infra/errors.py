"""The one error of this package."""


class InfraError(Exception):
    """A backing service can't be had; the message says what is wrong and the way out."""
