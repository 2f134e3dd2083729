"""Attacks: what has been published against services like this one, sent to this one over HTTP.

Each case stands alone and is called what it tries. What is refused is refused in one way, which
tells an attacker nothing; and after each attack the service does for others what it did before.
"""
