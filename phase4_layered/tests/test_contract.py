"""The contract of phase 4, which is that of phase 3, held against the service itself."""

from shared.contracts.phase4 import *  # noqa: F403 - a contract is all of its checks
