"""The contract of phase 1, held against the service itself."""

from shared.contracts.phase1 import *  # noqa: F403 - a contract is all of its checks
