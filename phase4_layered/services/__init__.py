"""What the shop does: its decisions and its transactions, in words that need no HTTP and no SQL.

A service is given what it needs, and says in `ports` what that has to be able to do.
"""
