"""The repositories in memory: what the services' tests run on, which need no database.

They keep the promises that `services.ports` makes, and `tests/repositories` holds them to it with
the very tests that PostgreSQL has to pass. What no test can promise is what only a database has: a
unit of work here has everything for itself until it ends, so nothing is to be learnt from these
about races.
"""
