"""The contract of phase 3, held against the service itself; phase 2's is a part of it."""

from shared.contracts.phase3 import *  # noqa: F403 - a contract is all of its checks
