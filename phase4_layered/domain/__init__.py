"""The shop's nouns and rules: what things are called, what is allowed, and how it is refused.

Nothing in here knows HTTP or SQL, and nothing waits. So all of it can be tested by calling it.
"""
