"""Experiments with the servers of this phase: predict, run, reconcile."""
