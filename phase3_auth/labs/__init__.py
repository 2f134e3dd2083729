"""Experiments with passwords, tokens and sessions: predict, run, reconcile."""
