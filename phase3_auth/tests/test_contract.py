"""The contract of phase 2, held against the service itself."""

from shared.contracts.phase2 import *  # noqa: F403 - a contract is all of its checks
