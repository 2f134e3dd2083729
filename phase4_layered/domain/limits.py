"""What a limit leaves to a client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a policy leaves to a client: `remaining` of `quota`, all again in `reset` seconds.

    The quota is for each `window`, which is in seconds as well.
    """

    policy: str
    quota: int
    window: int
    remaining: int
    reset: int
