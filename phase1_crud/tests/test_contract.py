"""The contract of phase 1, held against the reference."""

from shared.contracts.phase1 import *  # noqa: F403
