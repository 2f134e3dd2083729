"""Tests of what only the inside can see; the contract is in test_contract.py."""
