"""The contract of phase 4, which is that of phase 3: only what is behind it has changed."""

from shared.contracts.phase3 import *  # noqa: F403 - this module is the sum of the others
